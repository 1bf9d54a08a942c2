/// Between 8-bit samples and the numbers that models compute with, about -1…1, in the same order: batch × height ×
/// width × channels, so that a picture is one stretch of a feature map.
extension Picture {
    /// round(255 · clamp(x/2 + 0.5)), half to even, in f32: as diffusers makes pictures of what a decoder gives. NaN
    /// becomes 0.
    ///
    /// - Precondition: as many values as samples.
    package init(signed values: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int) {
        precondition(values.count == width * height * channels)
        let bytes = [UInt8](unsafeUninitializedCapacity: values.count) { bytes, count in
            for index in 0..<values.count {
                bytes.initializeElement(at: index, to: Self.sample(values[index]))
            }
            count = values.count
        }
        self.init(width: width, height: height, channels: channels, bytes: bytes)
    }

    private static func sample(_ value: Float) -> UInt8 {
        // Swift's max gives NaN for NaN on either side; a comparison is false for it.
        let unit = value / 2 + 0.5
        let clamped: Float = unit > 0 ? min(unit, 1) : 0
        return UInt8((clamped * 255).rounded(.toNearestOrEven))
    }

    /// 2 · (s/255) - 1 for each sample s, in f32: as diffusers feeds pictures to an encoder.
    ///
    /// - Precondition: room for as many values as there are samples.
    package func writeSigned(into values: UnsafeMutableBufferPointer<Float>) {
        precondition(values.count == bytes.count)
        for (index, byte) in bytes.enumerated() { values[index] = 2 * (Float(byte) / 255) - 1 }
    }

    /// s/255 for each sample s.
    package func writeUnit(into values: UnsafeMutableBufferPointer<Float>) {
        precondition(values.count == bytes.count)
        for (index, byte) in bytes.enumerated() { values[index] = Float(byte) / 255 }
    }
}
