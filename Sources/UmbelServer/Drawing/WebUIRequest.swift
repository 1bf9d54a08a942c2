internal import UmbelEngine
internal import UmbelFormats
internal import UmbelImages
internal import UmbelModels

/// The body of `txt2img` and `img2img`.
struct WebUIRequest {
    /// What the two share.
    private static let known = [
        "prompt", "negative_prompt", "width", "height", "steps", "cfg_scale", "seed", "batch_size", "n_iter",
        "sampler_name", "sampler_index", "scheduler", "eta", "lora", "override_settings", "send_images",
        "disable_extra_networks",
    ]
    private static let knownOfPictures = [
        "init_images", "mask", "denoising_strength", "resize_mode", "inpainting_mask_invert",
    ]
    /// What makes no difference to the pictures here.
    private static let ignored = [
        "save_images", "do_not_save_samples", "do_not_save_grid", "override_settings_restore_afterwards",
        "force_task_id", "comments", "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y",
        "hr_checkpoint_name", "hr_sampler_name", "hr_scheduler", "hr_prompt", "hr_negative_prompt", "subseed",
        "seed_resize_from_h", "seed_resize_from_w", "firstphase_width", "firstphase_height", "refiner_switch_at",
        "mask_blur", "mask_blur_x", "mask_blur_y", "inpainting_fill", "inpaint_full_res_padding",
        "include_init_images", "script_args", "image_cfg_scale", "s_min_uncond", "s_tmin", "s_tmax",
    ]
    /// What would change the pictures and is not made: the values that say so.
    private static let refused: [(name: String, accepted: [JSON])] = [
        ("enable_hr", [false]), ("tiling", [false]), ("restore_faces", [false]),
        ("subseed_strength", [0, .number("0.0")]), ("styles", [[]]), ("alwayson_scripts", [.object([])]),
        ("script_name", [""]), ("refiner_checkpoint", [""]), ("infotext", [""]), ("latent_mask", [""]),
        ("s_churn", [0, .number("0.0")]), ("s_noise", [1, .number("1.0")]), ("inpaint_full_res", [false, 0]),
        ("initial_noise_multiplier", [1, .number("1.0")]),
    ]

    let fields: BodyFields
    private let settings: BodyFields
    let sendsImages: Bool
    /// The model as the request chooses it; nil to leave that to the service.
    let checkpoint: String?

    init(_ fields: BodyFields, beginsFromPicture: Bool) throws {
        try fields.check(
            known: Self.known + (beginsFromPicture ? Self.knownOfPictures : ["denoising_strength"]) + Self.ignored
                + Self.refused.map(\.name))
        for (name, accepted) in Self.refused {
            try fields.require(name, accepted, "absent: nothing here does that")
        }
        self.fields = fields
        let overrides = fields.given("override_settings")
        guard overrides == nil || overrides?.members != nil else {
            throw RequestError.invalidField(name: "override_settings", expected: "an object")
        }
        settings = BodyFields(overrides?.members ?? [], below: "override_settings")
        try settings.check(known: ["sd_model_checkpoint", "CLIP_stop_at_last_layers", "randn_source", "emphasis"])
        checkpoint = try settings.text("sd_model_checkpoint")
        sendsImages = try fields.flag("send_images") ?? true
    }

    /// The drawings, one for each batch; the prompt is still with its tags.
    func requests() throws -> [DrawingRequest] {
        var request = DrawingRequest()
        request.prompt = try DrawingFields.prompt(fields, "prompt") ?? ""
        request.negativePrompt = try DrawingFields.prompt(fields, "negative_prompt") ?? ""
        if let emphasis = try emphasis() { request.emphasis = emphasis }
        request.width = try side("width")
        request.height = try side("height")
        request.steps = try fields.integer("steps", in: DrawingFields.Limits.steps) ?? 50
        request.guidance = try fields.number("cfg_scale", in: DrawingFields.Limits.guidance) ?? 7
        request.seed = try DrawingFields.seed(fields, "seed")
        request.seeding = .each
        request.noise = try noise()
        request.sampler = try fields.text("sampler_name") ?? fields.text("sampler_index")
        request.schedule = try fields.text("scheduler")
        request.eta = try fields.number("eta", in: 0...1) ?? 0
        // They count the layer that is taken, from the end.
        request.clipSkip = try (settings.integer("CLIP_stop_at_last_layers", in: 1...33) ?? 1) - 1
        request.count = try fields.integer("batch_size", in: DrawingFields.Limits.pictures) ?? 1
        try begin(&request)
        let batches = try fields.integer("n_iter", in: DrawingFields.Limits.pictures) ?? 1
        return (0..<batches).map { batch in
            var next = request
            next.seed = request.seed &+ UInt64(batch * request.count)
            return next
        }
    }

    private func side(_ name: String) throws -> Int? {
        guard let pixels = try fields.integer(name, in: DrawingFields.Limits.side) else { return nil }
        guard DrawingFields.isSide(pixels) else {
            throw RequestError.invalidField(name: name, expected: "a multiple of 8")
        }
        return pixels
    }

    /// The web UIs draw their noise on the GPU, or as one would (NV), unless they are told otherwise.
    private func noise() throws -> DrawingRequest.NoiseKind {
        switch try settings.text("randn_source") {
        case "CPU": .cpu
        case nil, "GPU", "NV": .gpu
        default:
            throw RequestError.invalidField(
                name: "override_settings.randn_source", expected: "“CPU”, “GPU” or “NV”")
        }
    }

    /// How weights in the prompt are taken, by the web UI's names. Its "None", which keeps the syntax as text, is not offered:
    /// prompts are still cut into chunks there, and here only with a syntax.
    private func emphasis() throws -> DrawingRequest.Emphasis? {
        switch try settings.text("emphasis") {
        case nil: nil
        case "Original": .original
        case "No norm": .noNormalization
        case "Ignore": .ignored
        default:
            throw RequestError.invalidField(
                name: "override_settings.emphasis", expected: "“Original”, “No norm” or “Ignore”")
        }
    }

    /// Adds the picture that is begun from, where the request has one.
    private func begin(_ request: inout DrawingRequest) throws {
        guard let images = fields.given("init_images") else { return }
        guard let texts = images.strings, texts.count == 1 else {
            throw RequestError.invalidField(name: "init_images", expected: "a list of one picture in base64")
        }
        try fields.require("resize_mode", [0], "0: the picture is resized")
        let picture = try Self.picture(texts[0], "init_images")
        let own = PictureInput.size(of: picture)
        let (width, height) = (request.width ?? own.width, request.height ?? own.height)
        (request.width, request.height) = (width, height)
        var start = PictureInput.start(
            picture, strength: try fields.number("denoising_strength", in: 0...1) ?? 0.75,
            mask: try fields.text("mask").map { try Self.picture($0, "mask") }, .white, width: width, height: height)
        if try fields.integer("inpainting_mask_invert", in: 0...1) == 1 { start.mask = start.mask?.map { 255 - $0 } }
        request.start = start
    }

    static func picture(_ text: String, _ name: String) throws -> Picture {
        try PictureInput.picture(try bytes(text, name), name)
    }

    static func bytes(_ text: String, _ name: String) throws -> [UInt8] {
        guard let bytes = Base64.bytes(text) else {
            throw RequestError.invalidField(name: name, expected: "a picture in base64")
        }
        return bytes
    }
}
