/// The block of a model that a tensor belongs to, from its name alone.
package enum BlockName {
    /// Up to and including the first segment that is a number, which follows the name of a list: `down_blocks.0` of
    /// `down_blocks.0.resnets.1.conv1.weight`, `model.layers.7` of `model.layers.7.mlp.up_proj.weight`. Without a number
    /// the module: `conv_in` of `conv_in.weight`.
    package static func of(_ tensor: String) -> String {
        let segments = tensor.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = { (segment: Substring) in
            !segment.isEmpty && segment.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        if let number = segments.dropFirst().firstIndex(where: isNumber) {
            return segments[...number].joined(separator: ".")
        }
        return segments.count > 1 ? segments.dropLast().joined(separator: ".") : tensor
    }
}
