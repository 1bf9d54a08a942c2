/// Other sizes of the same picture: along the rows first, then along the columns, each rounded to 8 bits and clamped,
/// as Pillow does it.
extension Picture {
    /// Colours of what is transparent play no part: they are multiplied by the opacity meanwhile.
    ///
    /// - Precondition: sides of at least a pixel.
    package func resized(width newWidth: Int, height newHeight: Int, by filter: ResamplingFilter = .lanczos) -> Picture
    {
        precondition(newWidth > 0 && newHeight > 0)
        guard newWidth != width || newHeight != height else { return self }
        let source = channels == 4 ? premultiplied : self
        let wide = source.resizedRows(to: newWidth, by: filter)
        let resized = wide.resizedColumns(to: newHeight, by: filter)
        return channels == 4 ? resized.unpremultiplied : resized
    }

    private func resizedRows(to newWidth: Int, by filter: ResamplingFilter) -> Picture {
        guard newWidth != width else { return self }
        let windows = ResamplingWeights(from: width, to: newWidth, filter: filter).windows
        return filled(width: newWidth, height: height) { source, target in
            for row in 0..<height {
                let line = row * width * channels
                for (column, window) in windows.enumerated() {
                    let start = line + window.first * channels
                    let place = (row * newWidth + column) * channels
                    for channel in 0..<channels {
                        let sample = Self.sum(source, from: start + channel, step: channels, window.weights)
                        target.initializeElement(at: place + channel, to: sample)
                    }
                }
            }
        }
    }

    private func resizedColumns(to newHeight: Int, by filter: ResamplingFilter) -> Picture {
        guard newHeight != height else { return self }
        let windows = ResamplingWeights(from: height, to: newHeight, filter: filter).windows
        let stride = width * channels
        return filled(width: width, height: newHeight) { source, target in
            for (row, window) in windows.enumerated() {
                for index in 0..<stride {
                    let sample = Self.sum(source, from: window.first * stride + index, step: stride, window.weights)
                    target.initializeElement(at: row * stride + index, to: sample)
                }
            }
        }
    }

    /// The weighted sum of samples `step` apart, to nearest.
    private static func sum(
        _ source: UnsafeBufferPointer<UInt8>, from start: Int, step: Int, _ weights: [Int32]
    ) -> UInt8 {
        var sum: Int32 = 1 << (ResamplingWeights.fractionBits - 1)
        var place = start
        for weight in weights {
            sum &+= weight &* Int32(source[place])
            place += step
        }
        return UInt8(clamping: sum >> ResamplingWeights.fractionBits)
    }

    /// A picture of the same channels whose samples `body` initialises, every one.
    private func filled(
        width newWidth: Int, height newHeight: Int,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeMutableBufferPointer<UInt8>) -> Void
    ) -> Picture {
        let total = newWidth * newHeight * channels
        let samples = [UInt8](unsafeUninitializedCapacity: total) { target, count in
            bytes.withUnsafeBufferPointer { body($0, target) }
            count = total
        }
        return Picture(width: newWidth, height: newHeight, channels: channels, bytes: samples)
    }

    /// Colours times opacity, to nearest.
    private var premultiplied: Picture {
        mapped(to: 4) { pixel in
            var multiplied = Self.blend(pixel, over: SIMD4(repeating: 0))
            multiplied.w = pixel.w
            return multiplied
        }
    }

    /// Colours divided by opacity, downwards; where nothing is to be seen they stay.
    private var unpremultiplied: Picture {
        mapped(to: 4) { pixel in
            let opacity = UInt32(pixel.w)
            guard opacity > 0 else { return pixel }
            var divided = SIMD4<UInt8>(clamping: SIMD4<UInt32>(truncatingIfNeeded: pixel) &* 255 / opacity)
            divided.w = pixel.w
            return divided
        }
    }
}
