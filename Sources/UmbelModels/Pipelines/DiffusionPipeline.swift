/// A Stable Diffusion model but for its weights: tokenizers, schedule, and what the pipeline's class decides.
package struct DiffusionPipeline: Sendable {
    package enum Family: Hashable, Sendable {
        /// Stable Diffusion 1 and 2: one text encoder.
        case stableDiffusion
        /// SDXL: two text encoders side by side, and a vector of the whole text with the sizes of the picture.
        case xl
    }

    package let family: Family
    /// One for each text encoder.
    package let tokenizers: [CLIPTokenizer]
    package let schedule: ScheduleConfig
    /// An empty negative prompt means zeros in place of its embedding.
    package let zeroesEmptyPrompt: Bool

    package init(
        family: Family, tokenizers: [CLIPTokenizer], schedule: ScheduleConfig, zeroesEmptyPrompt: Bool = false
    ) {
        self.family = family
        self.tokenizers = tokenizers
        self.schedule = schedule
        self.zeroesEmptyPrompt = zeroesEmptyPrompt
    }

    /// The family of a pipeline by its `_class_name`; nil for one that is not known here.
    package static func family(ofClass name: String) -> Family? {
        switch name {
        case "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline",
            "LatentConsistencyModelPipeline":
            .stableDiffusion
        case "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline": .xl
        default: nil
        }
    }
}

/// The networks of a model with their weights: those of a base, or of a variant.
package final class DiffusionNetworks: Sendable {
    /// One for each tokenizer.
    package let textEncoders: [CLIPTextModel]
    package let unet: UNet
    package let vae: AutoencoderKL
    private let textWeights: String?

    /// - Parameter textWeights: equal for networks whose text encoders have the same weights; nil if nothing is known of that.
    package init(textEncoders: [CLIPTextModel], unet: UNet, vae: AutoencoderKL, textWeights: String? = nil) {
        self.textWeights = textWeights
        self.textEncoders = textEncoders
        self.unet = unet
        self.vae = vae
    }

    /// Tells the networks of one variant from those of another.
    var identity: ObjectIdentifier { ObjectIdentifier(self) }

    /// Equal for networks that make the same of the same tokens.
    enum TextIdentity: Hashable {
        case weights(String)
        /// Known to be like nothing else.
        case own(ObjectIdentifier)
    }

    var textIdentity: TextIdentity {
        textWeights.map(TextIdentity.weights) ?? .own(identity)
    }
}
