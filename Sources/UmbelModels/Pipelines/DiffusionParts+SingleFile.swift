internal import UmbelFormats
internal import UmbelTensor

/// A pipeline that is one file. What a pipeline's folder would have beside its weights, and lies beside the file, is taken as it
/// is; the rest is worked out.
extension DiffusionParts {
    /// - Parameters:
    ///   - companions: what lies beside the file: `tokenizer/` and `tokenizer_2/`, `scheduler/scheduler_config.json`, the
    ///     `config.json` of a component, `model_index.json`; each may be missing.
    ///   - schedule: in place of any other.
    /// - Throws: if a part is missing, for what is not supported, and for what cannot be known from the tensors.
    package init(
        _ file: SingleFile, beside companions: any ModelFolder, schedule other: ScheduleConfig? = nil
    ) throws(ModelError) {
        let family = try Self.family(file)
        var encoders: [(String, CLIPTextConfiguration)] = []
        var tokenizers: [CLIPTokenizer] = []
        for suffix in family == .xl ? ["", "_2"] : [""] {
            let component = "text_encoder" + suffix
            encoders.append((component, try Self.textEncoder(component, file, companions)))
            tokenizers.append(try Self.tokenizer("tokenizer" + suffix, file, component, companions))
        }
        let schedule = if let other { other } else { try Self.schedule(file, companions) }
        let index = try Self.optionalJSON("model_index.json", in: companions)
        self.init(
            pipeline: DiffusionPipeline(
                family: family, tokenizers: tokenizers, schedule: schedule,
                zeroesEmptyPrompt: family == .xl && index?["force_zeros_for_empty_prompt"]?.bool ?? true),
            textEncoders: encoders, unet: try Self.unet(file, companions, schedule),
            vae: try Self.autoencoder(file, companions))
    }

    private static func textEncoder(
        _ component: String, _ file: SingleFile, _ companions: any ModelFolder
    ) throws(ModelError) -> CLIPTextConfiguration {
        guard let json = try optionalJSON(component + "/config.json", in: companions) else {
            return try file.textEncoder(component).0
        }
        return try CLIPTextConfiguration(json)
    }

    private static func unet(
        _ file: SingleFile, _ companions: any ModelFolder, _ schedule: ScheduleConfig
    ) throws(ModelError) -> UNetConfiguration {
        guard let json = try optionalJSON("unet/config.json", in: companions) else {
            return try file.unet(predictsVelocity: schedule.predictsVelocity).0
        }
        return try UNetConfiguration(json)
    }

    private static func autoencoder(
        _ file: SingleFile, _ companions: any ModelFolder
    ) throws(ModelError) -> VAEConfiguration {
        guard let json = try optionalJSON("vae/config.json", in: companions) else { return try file.autoencoder().0 }
        return try VAEConfiguration(json)
    }

    private static func schedule(
        _ file: SingleFile, _ companions: any ModelFolder
    ) throws(ModelError) -> ScheduleConfig {
        guard let config = try schedule(in: companions) else { return try file.schedule() }
        return config
    }

    /// - Throws: unless it has all parts of a model that is drawn with.
    private static func family(_ file: SingleFile) throws(ModelError) -> DiffusionPipeline.Family {
        let unet = Weights(try file.weights("unet"))
        let channels = try UNetConfiguration.inputChannels(unet)
        // 9: with a mask and a picture. Others are told a picture in another way, or enlarge one.
        guard [4, 9].contains(channels) else { throw .unsupported(setting: "in_channels", value: "\(channels)") }
        let isXL = unet.has("add_embedding.linear_1.weight")
        if isXL, file.components.contains("text_encoder_2"), !file.components.contains("text_encoder") {
            throw .unsupported(setting: "checkpoint", value: "SDXL refiner")
        }
        for part in ["text_encoder"] + (isXL ? ["text_encoder_2"] : []) + ["vae"] { _ = try file.weights(part) }
        return isXL ? .xl : .stableDiffusion
    }

    /// The tokenizer that lies beside the file, or CLIP's own if that is what the encoder was trained with.
    private static func tokenizer(
        _ folder: String, _ file: SingleFile, _ component: String, _ companions: any ModelFolder
    ) throws(ModelError) -> CLIPTokenizer {
        let files = try TokenizerFiles { (name) throws(ModelError) in try companions.file("\(folder)/\(name)") }
        if files.vocabulary != nil || files.tokenizer != nil { return try CLIPTokenizer(files) }
        let weights = try file.weights(component)
        let embedding = "text_model.embeddings.token_embedding.weight"
        guard let rows = weights.tensor(embedding)?.shape.first else { throw .missingTensor(embedding) }
        guard rows == CLIPTokenizer.builtInSize else {
            throw .missingTokenizer(tensor: weights.storedName(embedding) ?? embedding, rows: rows, place: folder)
        }
        return try CLIPTokenizer(builtInWithPadding: file.isOpenCLIP(component) ? "!" : "<|endoftext|>")
    }
}
