/// Other channels of the same picture.
extension Picture {
    /// Three channels: grey thrice; opacity is dropped, as Pillow's conversion does.
    package var rgb: Picture { channels == 3 ? self : mapped(to: 3) { $0 } }

    /// Four channels; what had no opacity is opaque.
    package var rgba: Picture { channels == 4 ? self : mapped(to: 4) { $0 } }

    /// One channel: the luma of ITU-R BT.601 in 16-bit fixed point, as Pillow computes it; opacity is dropped.
    package var grey: Picture {
        guard channels > 1 else { return self }
        return mapped(to: 1) { pixel in
            let luma = 19595 * UInt32(pixel.x) + 38470 * UInt32(pixel.y) + 7471 * UInt32(pixel.z) + 0x8000
            return SIMD4(repeating: UInt8(luma >> 16))
        }
    }

    /// One channel, the opacity; a picture without any is opaque everywhere.
    package var opacity: Picture { mapped(to: 1) { SIMD4(repeating: $0.w) } }

    /// One channel: 255 where the grey is at least half of white, else 0. What is transparent counts by its colour.
    package var mask: Picture { grey.mapped(to: 1) { SIMD4(repeating: $0.x >= 128 ? 255 : 0) } }

    /// The picture laid on paper of one colour (the last sample plays no part): without opacity. One that has none
    /// stays.
    package func flattened(on paper: SIMD4<UInt8> = SIMD4(repeating: 255)) -> Picture {
        guard channels == 4 else { return self }
        return mapped(to: 3) { Self.blend($0, over: paper) }
    }

    /// above · o + below · (1 - o) with above's opacity o, to nearest.
    static func blend(_ above: SIMD4<UInt8>, over below: SIMD4<UInt8>) -> SIMD4<UInt8> {
        let opacity = UInt32(above.w)
        let sum =
            SIMD4<UInt32>(truncatingIfNeeded: above) &* opacity
            &+ SIMD4<UInt32>(truncatingIfNeeded: below) &* (255 - opacity) &+ 127
        return SIMD4(truncatingIfNeeded: sum / 255)
    }

    /// Each pixel as red, green, blue and opacity, made into another of which the first samples are kept.
    func mapped(to others: Int, _ transform: (SIMD4<UInt8>) -> SIMD4<UInt8>) -> Picture {
        let pixels = width * height
        let mapped = [UInt8](unsafeUninitializedCapacity: pixels * others) { target, count in
            bytes.withUnsafeBufferPointer { source in
                for index in 0..<pixels {
                    let pixel = transform(Self.pixel(source, index, channels))
                    for channel in 0..<others {
                        target.initializeElement(at: index * others + channel, to: pixel[channel])
                    }
                }
            }
            count = pixels * others
        }
        return Picture(width: width, height: height, channels: others, bytes: mapped)
    }

    private static func pixel(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ channels: Int) -> SIMD4<UInt8> {
        let start = index * channels
        switch channels {
        case 1: return SIMD4(bytes[start], bytes[start], bytes[start], 255)
        case 3: return SIMD4(bytes[start], bytes[start + 1], bytes[start + 2], 255)
        default: return SIMD4(bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3])
        }
    }
}
