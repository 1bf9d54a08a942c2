/// A factor on an adapter's strength for each block of a model: `lbw` in a prompt.
///
/// The number of values selects which blocks they are for, in this order (LoRA Block Weight, SuperMerger):
///
/// | values | model | blocks |
/// |---|---|---|
/// | 12 | SDXL, layers with attention | BASE, IN04 IN05 IN07 IN08, M00, OUT00–OUT05 |
/// | 17 | SD 1 and 2, layers with attention | BASE, IN01 IN02 IN04 IN05 IN07 IN08, M00, OUT03–OUT11 |
/// | 20 | SDXL, all | BASE, IN00–IN08, M00, OUT00–OUT08 |
/// | 26 | SD 1 and 2, all | BASE, IN00–IN11, M00, OUT00–OUT11 |
///
/// BASE is the text encoders. INn, M00 and OUTn are the original layout's `input_blocks.n`, `middle_block` and
/// `output_blocks.n`, in a U-Net of any layout. Blocks that a list does not name have 0; what belongs to no block (time and
/// label embeddings, the last norm and convolution) has 1.
package struct BlockWeights: Hashable, Sendable {
    /// As they were given.
    package let values: [Double]
    /// For the text encoders.
    package let base: Double
    private let factors: [UNetBlock: Double]

    /// nil if there is no list of so many values.
    package init?(_ values: [Double]) {
        guard let blocks = Self.schemes.first(where: { $0.count + 1 == values.count }) else { return nil }
        self.values = values
        base = values[0]
        factors = Dictionary(uniqueKeysWithValues: zip(blocks, values.dropFirst()))
    }

    /// The factor for a module or tensor of the U-Net, by its path in either layout, without a component's prefix.
    ///
    /// - Parameter layersPerBlock: of the U-Net's configuration, one for each down block; a path of the original layout needs
    ///   none.
    package func factor(forModule path: some StringProtocol, layersPerBlock: [Int]) -> Double {
        guard let block = UNetBlock(path: path, layersPerBlock: layersPerBlock) else { return 1 }
        return factors[block] ?? 0
    }

    /// The blocks after BASE in each kind of list.
    private static let schemes: [[UNetBlock]] = [
        blocks(inputs: [4, 5, 7, 8], outputs: 0...5), blocks(inputs: [1, 2, 4, 5, 7, 8], outputs: 3...11),
        blocks(inputs: Array(0...8), outputs: 0...8), blocks(inputs: Array(0...11), outputs: 0...11),
    ]

    private static func blocks(inputs: [Int], outputs: ClosedRange<Int>) -> [UNetBlock] {
        inputs.map(UNetBlock.input) + [.middle] + outputs.map(UNetBlock.output)
    }

    /// The lists that have a name.
    package static func preset(_ name: String) -> BlockWeights? {
        switch name {
        case "NONE": BlockWeights(Array(repeating: 0, count: 17))
        case "ALL": BlockWeights(Array(repeating: 1, count: 17))
        case "ALL0.5": BlockWeights(Array(repeating: 0.5, count: 17))
        case "INS": BlockWeights(ones: 0...3)
        case "IND": BlockWeights(ones: 0...0, 4...6)
        case "INALL": BlockWeights(ones: 0...6)
        case "MIDD": BlockWeights(ones: 0...0, 4...11)
        case "OUTD": BlockWeights(ones: 0...0, 8...11)
        case "OUTS": BlockWeights(ones: 0...0, 12...16)
        case "OUTALL": BlockWeights(ones: 0...0, 8...16)
        default: nil
        }
    }

    /// 17 values, 1 in the ranges and 0 elsewhere.
    private init?(ones ranges: ClosedRange<Int>...) {
        self.init((0..<17).map { index in ranges.contains { $0.contains(index) } ? 1 : 0 })
    }
}
