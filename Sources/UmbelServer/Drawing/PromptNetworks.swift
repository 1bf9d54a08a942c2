internal import UmbelEngine
internal import UmbelFormats
internal import UmbelModels
internal import UmbelRegistry

/// The adapters that a request of the web UIs names: by tags in the prompt, and in the list `lora`.
struct PromptNetworks {
    private(set) var terms: [SteppedTerm] = []
    private let engine: Engine

    init(_ engine: Engine) {
        self.engine = engine
    }

    /// - Parameter steps: of the picture, which places in tags are counted in.
    /// - Returns: the prompt without its tags.
    mutating func take(from prompt: String, steps: Int) throws -> String {
        let (text, tags) = try NetworkTag.extract(from: prompt)
        for tag in tags { terms.append(try term(tag, steps: steps)) }
        return text
    }

    /// `[{"path", "multiplier"}]`, as stable-diffusion.cpp has it.
    mutating func take(list: JSON) throws {
        guard let items = list.array else { throw RequestError.invalidField(name: "lora", expected: "a list") }
        for (index, item) in items.enumerated() {
            let place = "lora[\(index)]"
            guard let members = item.members else {
                throw RequestError.invalidField(name: place, expected: "an object")
            }
            let fields = BodyFields(members, below: place)
            try fields.check(known: ["path", "multiplier", "is_high_noise"])
            // Only models of two networks, for high and for low noise, have such adapters.
            try fields.require("is_high_noise", [false], "false")
            let name = try name(try fields.string("path", "a path that /sdapi/v1/loras lists"))
            let number = try fields.number("multiplier") ?? 1
            guard let scale = Scale(number: number) else {
                throw RequestError.invalidField(name: "\(place).multiplier", expected: Scale.description)
            }
            terms.append(SteppedTerm(adapter: name, schedule: ScaleSchedule(steps: [scale])))
        }
    }

    private func term(_ tag: NetworkTag, steps: Int) throws -> SteppedTerm {
        if tag.dynamicRank != nil { throw PromptNetworkError.dynamicRank(tag.name) }
        let scales = try (0..<steps).map { try scale(tag.unetStrength(at: $0, of: steps), tag) }
        let schedule = ScaleSchedule(steps: scales)
        let textEncoder = try scale(tag.textEncoderStrength, tag)
        let isPlain = schedule.points.count == 1 && schedule.points[0].scale == textEncoder
        let blocks = try tag.blockWeights?.values.map { try scale($0, tag) } ?? []
        return SteppedTerm(
            adapter: try name(tag.name), schedule: schedule,
            parts: PartScales(textEncoder: isPlain ? nil : textEncoder, blocks: blocks))
    }

    private func scale(_ value: Double, _ tag: NetworkTag) throws -> Scale {
        guard let scale = Scale(number: value) else { throw PromptNetworkError.strength(tag.name) }
        return scale
    }

    /// The adapter that a tag or path means: by its name, with or without the ending of a file.
    private func name(_ text: String) throws -> String {
        let stem = text.hasSuffix(".safetensors") ? String(text.dropLast(".safetensors".count)) : text
        for name in [text, stem] where engine.adapters.record(name) != nil { return name }
        let nearest = Spelling.nearest(to: stem, among: engine.adapters.all().map(\.name))
        throw PromptNetworkError.unknown(text, nearest: nearest)
    }
}

/// Why an adapter that a prompt names cannot be applied.
enum PromptNetworkError: Error {
    case unknown(String, nearest: String?)
    /// A rank that is taken of a file of several.
    case dynamicRank(String)
    case strength(String)
    /// In a negative prompt a tag means nothing.
    case negative
}
