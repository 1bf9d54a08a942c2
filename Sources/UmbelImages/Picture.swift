/// A picture of 8 bits a sample: rows from top to bottom, pixels from left to right, samples of a pixel together.
package struct Picture: Hashable, Sendable {
    /// Pixels.
    package let width: Int
    package let height: Int
    /// 1 grey, 3 red, green, blue, 4 with opacity, by which the colours are not multiplied.
    package let channels: Int
    /// height × width × channels samples.
    package internal(set) var bytes: [UInt8]

    /// - Precondition: sides of at least a pixel, 1, 3 or 4 channels, as many bytes as that makes.
    package init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
        precondition(width > 0 && height > 0 && [1, 3, 4].contains(channels))
        precondition(bytes.count == width * height * channels)
        self.width = width
        self.height = height
        self.channels = channels
        self.bytes = bytes
    }

    /// A picture of one colour, given as one sample for each channel.
    package init(width: Int, height: Int, filledWith colour: [UInt8]) {
        let pixels = width * height
        let bytes = [UInt8](unsafeUninitializedCapacity: pixels * colour.count) { bytes, count in
            for index in 0..<pixels * colour.count {
                bytes.initializeElement(at: index, to: colour[index % colour.count])
            }
            count = pixels * colour.count
        }
        self.init(width: width, height: height, channels: colour.count, bytes: bytes)
    }

    /// The samples of the pixel in column `x` of row `y`.
    package subscript(x: Int, y: Int) -> ArraySlice<UInt8> {
        let start = (y * width + x) * channels
        return bytes[start..<start + channels]
    }
}
