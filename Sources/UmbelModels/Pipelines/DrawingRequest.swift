/// What to draw: everything that the pictures depend on but the weights.
package struct DrawingRequest: Hashable, Sendable {
    /// Where the numbers of noise come from.
    package enum NoiseKind: String, Hashable, Sendable, CaseIterable {
        /// torch's generator on a CPU.
        case cpu
        /// What torch's generator on a GPU gives.
        case gpu
    }

    /// How the noise of several pictures follows from one seed.
    package enum Seeding: Hashable, Sendable {
        /// One generator draws the noise of all of them, as diffusers does.
        case together
        /// Picture i has a generator of its own, of seed + i, as the web UIs do.
        case each
    }

    /// What parentheses and brackets in a prompt mean.
    package enum Emphasis: String, Hashable, Sendable, CaseIterable {
        /// Nothing: they are text, as for diffusers; what is beyond the text encoder's length is cut.
        case none
        /// Weights, and the mean of the embedding is kept, as the web UIs do; long prompts go in chunks.
        case original
        /// Weights alone.
        case noNormalization = "no-norm"
        /// The syntax is read, and its weights count for nothing.
        case ignored = "ignore"
    }

    /// What SDXL is told of a picture's size, in pixels, height before width.
    package struct Sizes: Hashable, Sendable {
        package struct Size: Hashable, Sendable {
            package var height: Int
            package var width: Int

            package init(height: Int, width: Int) {
                (self.height, self.width) = (height, width)
            }
        }

        /// That it had before it was cut for training; nil for the picture's own.
        package var original: Size?
        /// How much was cut off at the top and at the left.
        package var top = 0
        package var left = 0
        /// That it should have; nil for the picture's own.
        package var target: Size?

        package init() {}
    }

    /// A picture to begin from: red, green and blue behind each other, row by row, 8 bits.
    package struct Start: Hashable, Sendable {
        /// width · height · 3, of the request's size.
        package var pixels: [UInt8]
        /// How much of the way from noise is gone again, 0 to 1.
        package var strength: Double
        /// width · height: 255 where is drawn, 0 where the picture stays; nil to draw everywhere.
        package var mask: [UInt8]?

        package init(pixels: [UInt8], strength: Double, mask: [UInt8]? = nil) {
            (self.pixels, self.strength, self.mask) = (pixels, strength, mask)
        }
    }

    package var prompt = ""
    package var negativePrompt = ""
    /// What SDXL's second text encoder is given; nil for the same as the first.
    package var secondPrompt: String?
    package var secondNegativePrompt: String?
    /// All that is said to text encoders.
    package var prompts: [String] {
        [prompt, negativePrompt] + [secondPrompt, secondNegativePrompt].compactMap(\.self)
    }
    /// What SDXL is told of the picture's size; nil for the size that is drawn, and nothing cut off.
    package var sizes: Sizes?
    /// The same for the picture without the prompt; nil for what the one with the prompt is told.
    package var negativeSizes: Sizes?
    /// In pixels, a multiple of 8; nil for the model's own size.
    package var width: Int?
    package var height: Int?
    package var steps = 20
    package var guidance = 7.5
    /// Rescales guided noise to the deviation of the noise with the prompt (arXiv 2305.08891, section 3.4); 0 for not at all.
    package var guidanceRescale = 0.0
    /// As it is for text.
    package var seed: UInt64 = 0
    package var count = 1
    package var seeding = Seeding.together
    package var noise = NoiseKind.cpu
    /// A sampler and a schedule by the names that web UIs have for them, or a scheduler's class name; nil for the model's own.
    package var sampler: String?
    package var schedule: String?
    /// Layers of the text encoder that are left out at its end: 0 for the model's own choice.
    package var clipSkip = 0
    package var emphasis = Emphasis.original
    /// DDIM's η: how much noise each step adds.
    package var eta = 0.0
    package var start: Start?

    package init() {}
}

/// A picture that was drawn: red, green and blue behind each other, row by row, 8 bits.
package struct DrawnPicture: Hashable, Sendable {
    package let width: Int
    package let height: Int
    /// width · height · 3
    package let pixels: [UInt8]
    package let seed: UInt64

    package init(width: Int, height: Int, pixels: [UInt8], seed: UInt64) {
        (self.width, self.height, self.pixels, self.seed) = (width, height, pixels, seed)
    }
}

/// How far a drawing is.
package struct DrawingProgress: Sendable {
    /// Steps that are done, of all.
    package let step: Int
    package let steps: Int
    /// A small picture of what is there so far, made when it is asked for; nil before the first step.
    package let preview: (@Sendable () -> DrawnPicture)?
    /// The latents as they are now, channel after channel of picture after picture; empty before the first step.
    package let latents: [Float]

    package init(
        step: Int, steps: Int, preview: (@Sendable () -> DrawnPicture)? = nil, latents: [Float] = []
    ) {
        (self.step, self.steps, self.preview, self.latents) = (step, steps, preview, latents)
    }
}
