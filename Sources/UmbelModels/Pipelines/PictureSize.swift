/// The size of a picture in pixels and in latents.
package struct PictureSize: Hashable, Sendable {
    package let width: Int
    package let height: Int
    /// Pixels for each of the latents, either way.
    let factor: Int

    var latentWidth: Int { width / factor }
    var latentHeight: Int { height / factor }

    /// - Parameters:
    ///   - width: in pixels; nil for the size that the model was trained for.
    ///   - factor: of the VAE.
    /// - Throws: `request` for a size that is no multiple of 8 and of the factor, or too large.
    init(width: Int?, height: Int?, trained: Int, factor: Int) throws(ModelError) {
        self.factor = factor
        let unit = max(8, factor)
        for (field, value) in [("width", width), ("height", height)] {
            guard let value else { continue }
            guard value >= unit, value % unit == 0, value <= Self.largest else {
                throw .request(
                    field: field, value: "\(value)", expected: "a multiple of \(unit) up to \(Self.largest)")
            }
        }
        self.width = width ?? trained * factor
        self.height = height ?? trained * factor
    }

    /// Either way, in pixels.
    package static let largest = 4096
}
