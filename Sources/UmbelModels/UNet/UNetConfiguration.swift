/// How a `UNet2DConditionModel` is built. The defaults are those of diffusers.
package struct UNetConfiguration: Hashable, Sendable {
    package var inChannels = 4
    package var outChannels = 4
    /// Of the latents it was trained for; nil if the file does not say.
    package var sampleSize: Int?
    /// The input is 2 · x - 1.
    package var centersInput = false
    package var inputKernel = 3
    package var outputKernel = 3

    package var time = Time()
    package var classes: Classes?
    /// The class vector is put behind the time vector rather than added to it.
    package var concatenatesClasses = false
    package var addition: Addition?
    /// Length of the text's vectors before they are projected to what the blocks take; nil without that projection.
    package var textProjectionSize: Int?

    /// From the largest pictures to the smallest.
    package var levels: [Level] = []
    /// The block between the ways down and up, by its name in diffusers; nil if there is none.
    package var middle: String? = "UNetMidBlock2DCrossAttn"
    /// Transformer blocks in the middle block.
    package var middleTransformerLayers = 1
    package var middleOutputFactor = 1.0
    /// These two are for the block types that look at text and places at once.
    package var middleLooksOnlyAtText = false
    package var normalizesContext = false

    package var activation = Activation.silu
    package var groups = 32
    package var epsilon = 1e-5
    /// `resnet_time_scale_shift` is "scale_shift" rather than "default".
    package var scalesAndShifts = false
    /// These two are for the block types that resample within a resnet.
    package var skipsTimeActivation = false
    package var outputFactor = 1.0
    /// Zeros around what is halved.
    package var downsamplePadding = 1

    package init() {}

    /// How times become the time vector.
    package struct Time: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            case positional
            case fourier
        }

        package var kind = Kind.positional
        package var cosinesFirst = true
        package var frequencyShift = 0.0
        /// Length of the time vector; nil for four times (fourier: twice) the channels of the first level.
        package var size: Int?
        /// `time_embedding_act_fn`: of the whole vector, before the blocks see it.
        package var activation: Activation?
        /// `timestep_post_act`: within the embedding.
        package var lastActivation: Activation?
        /// Length of the vector of distilled guidance; nil for none.
        package var conditionSize: Int?
    }

    /// What is added to the time vector for a class.
    package enum Classes: Hashable, Sendable {
        /// One of so many learnt vectors.
        case learnt(count: Int)
        /// A number, embedded like a time.
        case timestep
        /// A vector as it is.
        case identity
        /// A vector of this length, through two linear layers.
        case projection(size: Int)
        /// A vector of this length, through one.
        case simpleProjection(size: Int)
    }

    /// What else is added to the time vector.
    package enum Addition: Hashable, Sendable {
        /// The text's vectors, pooled by an attention with so many heads.
        case text(heads: Int)
        /// SDXL: a pooled text vector and some numbers, each embedded like a time in `numberSize`; `size` in all.
        case textAndNumbers(size: Int, numberSize: Int)
    }

    /// The blocks for one size of pictures, on the way down and on the way up.
    package struct Level: Hashable, Sendable {
        package var channels: Int
        /// Block types by their names in diffusers.
        package var down: String
        package var up: String
        /// Resnets on the way down; on the way up there is one more.
        package var layers = 2
        /// Heads of the attention on the text. (Files call it `attention_head_dim`; diffusers never renamed it.)
        package var heads = 8
        /// Length of a head in block types that attend only to the picture; the same setting, taken at its word.
        package var headSize = 8
        /// Length of the text's vectors that the blocks take.
        package var contextSize = 1280
        /// Transformer blocks after each resnet.
        package var downTransformerLayers: [Int]
        package var upTransformerLayers: [Int]
        package var looksOnlyAtText = false

        package init(channels: Int, down: String, up: String, layers: Int = 2, transformerLayers: Int = 1) {
            self.channels = channels
            self.down = down
            self.up = up
            self.layers = layers
            downTransformerLayers = Array(repeating: transformerLayers, count: layers)
            upTransformerLayers = Array(repeating: transformerLayers, count: layers + 1)
        }
    }

    /// Length of the time vector.
    package var timeSize: Int {
        time.size ?? (levels.first?.channels ?? 0) * (time.kind == .positional ? 4 : 2)
    }

    /// Length of the vector that the blocks take.
    package var blockTimeSize: Int { concatenatesClasses ? 2 * timeSize : timeSize }
}
