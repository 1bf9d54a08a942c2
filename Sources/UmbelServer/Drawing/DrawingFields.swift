internal import UmbelFormats
internal import UmbelModels

/// The fields of a body that say what is drawn, as `/v1/images` and `/v1/sweep` have them.
enum DrawingFields {
    static let prompts = ["prompt", "negative_prompt", "prompt_2", "negative_prompt_2"]
    static let settings =
        [
            "steps", "guidance_scale", "guidance_rescale", "seed", "sampler", "scheduler", "clip_skip", "emphasis",
            "noise",
            "eta",
        ] + sizes
    /// What SDXL is told of a picture's size, as lists of two numbers, which a form gives as JSON.
    static let sizes = ["", "negative_"].flatMap { prefix in
        ["original_size", "crops_coords_top_left", "target_size"].map { prefix + $0 }
    }
    /// Those whose values are numbers, which a form gives as text.
    static let numbers = [
        "n", "steps", "guidance_scale", "guidance_rescale", "seed", "clip_skip", "eta", "strength",
        "output_compression",
    ]

    /// What one request may ask for.
    enum Limits {
        static let pictures = 1...16
        static let steps = 1...500
        /// Pixels.
        static let side = 8...4096
        static let guidance = 0.0...100.0
        static let clipSkip = 0...32
        /// Bytes of a prompt. How many chunks it may have, a pipeline checks.
        static let prompt = 1 << 16
        /// Pixels that SDXL is told of.
        static let toldSide = 0...65_536
    }

    static func request(_ fields: BodyFields) throws -> DrawingRequest {
        var request = DrawingRequest()
        guard let prompt = try prompt(fields, "prompt") else { throw RequestError.missingField("prompt") }
        request.prompt = prompt
        if let negative = try Self.prompt(fields, "negative_prompt") { request.negativePrompt = negative }
        // An empty one means the first encoder's, as for diffusers.
        request.secondPrompt = try Self.prompt(fields, "prompt_2").flatMap { $0.isEmpty ? nil : $0 }
        request.secondNegativePrompt = try Self.prompt(fields, "negative_prompt_2").flatMap { $0.isEmpty ? nil : $0 }
        request.sizes = try ToldSizes.sizes(fields, prefix: "")
        request.negativeSizes = try ToldSizes.sizes(fields, prefix: "negative_")
        if let steps = try fields.integer("steps", in: Limits.steps) { request.steps = steps }
        if let guidance = try fields.number("guidance_scale", in: Limits.guidance) { request.guidance = guidance }
        if let rescale = try fields.number("guidance_rescale", in: 0...1) { request.guidanceRescale = rescale }
        request.seed = try seed(fields, "seed")
        request.sampler = try fields.text("sampler")
        request.schedule = try fields.text("scheduler")
        if let skip = try fields.integer("clip_skip", in: Limits.clipSkip) { request.clipSkip = skip }
        if let emphasis: DrawingRequest.Emphasis = try fields.choice("emphasis") { request.emphasis = emphasis }
        if let noise: DrawingRequest.NoiseKind = try fields.choice("noise") { request.noise = noise }
        if let eta = try fields.number("eta", in: 0...1) { request.eta = eta }
        return request
    }

    /// A text of a length that a text encoder can be asked to read.
    static func prompt(_ fields: BodyFields, _ name: String) throws -> String? {
        guard let text = try fields.text(name) else { return nil }
        guard text.utf8.count <= Limits.prompt else {
            throw RequestError.invalidField(name: fields.path(name), expected: "at most \(Limits.prompt) bytes long")
        }
        return text
    }

    /// One that is not given, or is -1, is random; below 2³², which the web UIs can show.
    static func seed(_ fields: BodyFields, _ name: String) throws -> UInt64 {
        guard let value = fields.given(name), value != -1 else { return UInt64.random(in: 0..<1 << 32) }
        guard case .number(let text) = value, let seed = UInt64(text) else {
            throw RequestError.invalidField(
                name: fields.path(name), expected: "a whole number from 0 to \(UInt64.max), or -1 for any")
        }
        return seed
    }

    /// "512x768", or "auto" for the model's own size.
    static func size(_ fields: BodyFields) throws -> (width: Int, height: Int)? {
        guard let text = try fields.text("size"), text != "auto" else { return nil }
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard sides.count == 2, let width = sides[0], let height = sides[1], isSide(width), isSide(height) else {
            throw RequestError.invalidField(
                name: fields.path("size"),
                expected: "“auto”, or width and height as “512x768”: multiples of 8 up to \(Limits.side.upperBound)")
        }
        return (width, height)
    }

    static func isSide(_ pixels: Int) -> Bool { Limits.side.contains(pixels) && pixels.isMultiple(of: 8) }
}
