/// A block of a U-Net as the original layout counts them.
package enum UNetBlock: Hashable, Sendable {
    case input(Int)
    case middle
    case output(Int)

    /// The block of a module or tensor, by its path in the original or the diffusers layout; nil for what belongs to none.
    ///
    /// With Lᵦ layers in down block b and n(b) = Σ (Lᵢ + 1) over the blocks before it, in the words of diffusers: `conv_in` is
    /// input 0; layer j (a resnet, and the attention after it) of down block b is input 1 + n(b) + j; its downsampler input
    /// n(b) + Lᵦ + 1; an up block has a layer more than the down block that it mirrors, so with n of the blocks before it in
    /// their order layer j of up block b is output n(b) + j, and its upsampler is part of the output of its last layer.
    ///
    /// - Parameter layersPerBlock: for each down block.
    package init?(path: some StringProtocol, layersPerBlock: [Int]) {
        let parts = path.split(separator: ".")
        let numbers = parts.map { Int($0) }
        func number(_ index: Int) -> Int? {
            guard index < numbers.count, let number = numbers[index], (0..<1000).contains(number) else { return nil }
            return number
        }
        /// The inputs or outputs before a block, and its layers.
        func place(_ block: Int, in layers: [Int]) -> (start: Int, layers: Int)? {
            guard layers.indices.contains(block) else { return nil }
            return (layers[..<block].reduce(0) { $0 + $1 + 1 }, layers[block])
        }
        guard let first = parts.first else { return nil }
        switch first {
        case "input_blocks":
            guard let index = number(1) else { return nil }
            self = .input(index)
        case "output_blocks":
            guard let index = number(1) else { return nil }
            self = .output(index)
        case "middle_block", "mid_block": self = .middle
        case "conv_in": self = .input(0)
        case "down_blocks":
            guard let block = number(1), let layer = number(3), let place = place(block, in: layersPerBlock) else {
                return nil
            }
            self = .input(place.start + (parts[2] == "downsamplers" ? place.layers + 1 : 1 + layer))
        case "up_blocks":
            guard let block = number(1), let layer = number(3),
                let place = place(block, in: layersPerBlock.reversed())
            else { return nil }
            self = .output(place.start + (parts[2] == "upsamplers" ? place.layers : layer))
        default: return nil
        }
    }
}
