/// Scales of parts of an adapter, where they are not the term's: of what it changes in text encoders, in the U-Net, and in
/// each block of the U-Net.
///
///     te=0.5   unet=1   lbw=1,0,0,0,1,1,1,1,1,1,1,1     (17 or 26 blocks for SD 1 and 2, 12 or 20 for SDXL)
package struct PartScales: Hashable, Sendable {
    /// In place of the term's scale.
    package var textEncoder: Scale?
    package var unet: Scale?
    /// Factors of the text encoders and of each block of the U-Net, which the scale there is multiplied by; empty for none.
    package var blocks: [Scale]

    package static let none = PartScales()

    package init(textEncoder: Scale? = nil, unet: Scale? = nil, blocks: [Scale] = []) {
        self.textEncoder = textEncoder
        self.unet = unet
        self.blocks = blocks
    }

    /// - Parameter options: each `name=value`.
    /// - Throws: `invalidOption` for an unknown or repeated name, `invalidScale` for a value that is no scale.
    package init(_ options: [String]) throws(ReferenceError) {
        self.init()
        var names: Set<Substring> = []
        for option in options {
            let sides = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, names.insert(sides[0]).inserted else { throw .invalidOption(option) }
            switch sides[0] {
            case "te": textEncoder = try Self.scale(sides[1])
            case "unet": unet = try Self.scale(sides[1])
            case "lbw":
                for number in sides[1].split(separator: ",", omittingEmptySubsequences: false) {
                    blocks.append(try Self.scale(number))
                }
            default: throw .invalidOption(option)
            }
        }
    }

    /// Is the text meant for an option, whatever its value?
    package static func isOption(_ text: some StringProtocol) -> Bool {
        ["te=", "unet=", "lbw="].contains { text.hasPrefix($0) }
    }

    private static func scale(_ text: Substring) throws(ReferenceError) -> Scale {
        guard let scale = Scale(String(text)) else { throw .invalidScale(String(text)) }
        return scale
    }

    /// Without what says nothing beside the term's scale.
    func simplified(for scale: Scale) -> PartScales {
        PartScales(
            textEncoder: textEncoder == scale ? nil : textEncoder, unet: unet == scale ? nil : unet,
            blocks: blocks.allSatisfy { $0 == .one } ? [] : blocks)
    }

    /// Does any part have a strength but 0, where the others have `scale`?
    func isApplied(with scale: Scale) -> Bool {
        [scale, textEncoder ?? scale, unet ?? scale].contains { $0.value != 0 }
    }

    /// The options, each behind a colon.
    var text: String {
        var options: [String] = []
        if let textEncoder { options.append("te=" + textEncoder.text) }
        if let unet { options.append("unet=" + unet.text) }
        if !blocks.isEmpty { options.append("lbw=" + blocks.map(\.text).joined(separator: ",")) }
        return options.map { ":" + $0 }.joined()
    }
}
