/// How a picture was made, in the text that the Stable Diffusion web UIs write into their pictures and read back:
///
///     a red circle
///     Negative prompt: blurred
///     Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Lora hashes: "ink: 1a2b"
///
/// The last line is a list of settings; a value with a comma, a colon or a line break is a JSON string. What comes
/// before is the prompt and, from the line on that begins so, the negative prompt.
///
/// Reading gives what was written, unless the prompts themselves look like such text: a line of the prompt that begins
/// with `Negative prompt:`, or no settings after a last line that looks like settings.
package struct GenerationParameters: Hashable, Sendable {
    package struct Setting: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var prompt: String
    package var negativePrompt: String
    /// In the order in which they are written.
    package var settings: [Setting]

    package init(prompt: String, negativePrompt: String = "", settings: [Setting] = []) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.settings = settings
    }

    /// The value of the first setting of that name. Setting one keeps its place, a new one comes last, nil removes it.
    package subscript(name: String) -> String? {
        get { settings.first { $0.name == name }?.value }
        set {
            let place = settings.firstIndex { $0.name == name }
            switch (place, newValue) {
            case (let place?, let value?): settings[place] = Setting(name, value)
            case (let place?, nil): settings.remove(at: place)
            case (nil, let value?): settings.append(Setting(name, value))
            case (nil, nil): break
            }
        }
    }

    /// Names of settings as the web UIs write them.
    package enum Name {
        package static let steps = "Steps"
        package static let sampler = "Sampler"
        package static let scheduleType = "Schedule type"
        package static let guidance = "CFG scale"
        package static let seed = "Seed"
        /// Width, `x`, height in pixels.
        package static let size = "Size"
        package static let modelHash = "Model hash"
        package static let model = "Model"
        package static let variationSeed = "Variation seed"
        package static let variationStrength = "Variation seed strength"
        package static let denoisingStrength = "Denoising strength"
        package static let clipSkip = "Clip skip"
        /// Where the noise is from: `CPU`, `GPU`, `NV`.
        package static let randomSource = "RNG"
        /// `name: first digits of the file's SHA-256`, separated by commas.
        package static let loraHashes = "Lora hashes"
        package static let version = "Version"
    }

    /// A number as it is written in settings: without a fraction of zeros.
    package static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? String(value)
    }
}
