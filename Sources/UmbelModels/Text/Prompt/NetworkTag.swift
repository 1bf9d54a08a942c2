/// An adapter that a prompt asks for: `<lora:NAME:TE:UNET:option=value:…>`, or `<lyco:…>`, which means the same.
///
/// The first number is the strength for the text encoders (1 if there is none), the second that for the U-Net (the first
/// one's if there is none). Options, in any order: `te=` and `unet=` (the same by name), `dyn=` (the rank to take of a DyLoRA
/// file; also the third number), `lbw=` (weights of the blocks, see `BlockWeights`), `start=`, `stop=` and
/// `step=START-STOP` (the steps at which it acts on the U-Net). A strength may change with the steps, see `StepWeights`.
package struct NetworkTag: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case lora
        case lyco
    }

    package let kind: Kind
    package let name: String
    package let textEncoder: StepWeights
    package let unet: StepWeights
    package let dynamicRank: Int?
    package let blockWeights: BlockWeights?
    /// Before it, the U-Net is without the adapter.
    package let start: StepPosition?
    /// From it on, the U-Net is without the adapter.
    package let stop: StepPosition?

    /// How strongly the adapter acts on the U-Net at a step.
    ///
    /// - Parameters:
    ///   - step: counted from 0.
    ///   - steps: of the picture.
    package func unetStrength(at step: Int, of steps: Int) -> Double {
        if let start, step < start.step(of: steps) { return 0 }
        if let stop, step >= stop.step(of: steps) { return 0 }
        return unet.weight(at: step, of: steps)
    }

    /// How strongly it acts on the text encoders, which see a prompt once: the strength of the first step.
    package var textEncoderStrength: Double { textEncoder.weight(at: 0, of: 1) }
}

/// Why a tag in a prompt cannot be read. `tag` is the adapter's name.
package enum NetworkTagError: Error, Hashable, Sendable {
    case missingName
    case invalidValue(tag: String, option: String, value: String)
    case unknownOption(tag: String, option: String)
    case repeatedOption(tag: String, option: String)
    /// More values than have a meaning.
    case surplusValue(tag: String, value: String)
    case blockWeightCount(tag: String, count: Int)
}
