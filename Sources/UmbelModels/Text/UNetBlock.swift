/// A block of a U-Net as the original layout counts them.
package enum UNetBlock: Hashable, Sendable {
    case input(Int)
    case middle
    case output(Int)

    /// The block of a module or tensor, by its path in the original or the diffusers layout; nil for what belongs to none.
    ///
    /// With L layers per block and n = L + 1, in the words of diffusers: `conv_in` is input 0; layer j (a resnet, and the
    /// attention after it) of down block b is input 1 + b·n + j; its downsampler input (b + 1)·n; layer j of up block b is
    /// output b·n + j; its upsampler is part of output b·n + L.
    package init?(path: some StringProtocol, layersPerBlock: Int) {
        let parts = path.split(separator: ".")
        let numbers = parts.map { Int($0) }
        func number(_ index: Int) -> Int? {
            guard index < numbers.count, let number = numbers[index], (0..<1000).contains(number) else { return nil }
            return number
        }
        guard let first = parts.first, (1...1000).contains(layersPerBlock) else { return nil }
        let period = layersPerBlock + 1
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
            guard let block = number(1), let layer = number(3) else { return nil }
            self = .input(parts[2] == "downsamplers" ? (block + 1) * period : 1 + block * period + layer)
        case "up_blocks":
            guard let block = number(1), let layer = number(3) else { return nil }
            self = .output(block * period + (parts[2] == "upsamplers" ? layersPerBlock : layer))
        default: return nil
        }
    }
}
