internal import UmbelFormats

/// The configurations of a pipeline, read and checked: of what its networks are made.
package struct DiffusionParts: Sendable {
    package let pipeline: DiffusionPipeline
    /// Components in the order of the tokenizers.
    private let textEncoders: [(component: String, configuration: CLIPTextConfiguration)]
    private let unet: UNetConfiguration
    private let vae: VAEConfiguration

    init(
        pipeline: DiffusionPipeline, textEncoders: [(component: String, configuration: CLIPTextConfiguration)],
        unet: UNetConfiguration, vae: VAEConfiguration
    ) {
        self.pipeline = pipeline
        self.textEncoders = textEncoders
        self.unet = unet
        self.vae = vae
    }

    /// Of a folder in the layout of diffusers.
    ///
    /// - Parameter schedule: in place of the folder's own.
    /// - Throws: for a file that is missing or malformed, and for what is not supported.
    package init(_ folder: any ModelFolder, schedule other: ScheduleConfig? = nil) throws(ModelError) {
        let index = try Self.json("model_index.json", in: folder)
        let className = index["_class_name"]?.string ?? ""
        guard let family = DiffusionPipeline.family(ofClass: className) else {
            throw .unsupported(setting: "model_index.json: _class_name", value: className)
        }
        var encoders: [(String, CLIPTextConfiguration)] = []
        var tokenizers: [CLIPTokenizer] = []
        for suffix in family == .xl ? ["", "_2"] : [""] {
            // The refiner of SDXL has its second encoder alone.
            guard index["text_encoder" + suffix]?.array?.first?.string != nil else {
                throw .unsupported(setting: "model_index.json: text_encoder" + suffix, value: "null")
            }
            let component = "text_encoder" + suffix
            encoders.append((component, try CLIPTextConfiguration(Self.json(component + "/config.json", in: folder))))
            tokenizers.append(
                try CLIPTokenizer(
                    TokenizerFiles { (name) throws(ModelError) in try folder.file("tokenizer\(suffix)/\(name)") }))
        }
        guard let schedule = try Self.schedule(in: folder) else { throw .missingFile(Self.schedulePath) }
        self.init(
            pipeline: DiffusionPipeline(
                family: family, tokenizers: tokenizers, schedule: other ?? schedule,
                zeroesEmptyPrompt: family == .xl && index["force_zeros_for_empty_prompt"]?.bool ?? true),
            textEncoders: encoders, unet: try UNetConfiguration(Self.json("unet/config.json", in: folder)),
            vae: try VAEConfiguration(Self.json("vae/config.json", in: folder)))
    }

    /// The networks with the weights of each component.
    ///
    /// - Parameters:
    ///   - textWeights: equal for networks whose text encoders have the same weights; nil if nothing is known of that.
    ///   - computeType: of the U-Net's products, which take nearly all the time. Texts are encoded and pictures decoded in f32
    ///     in any case: once each, and in bf16 it would be seen.
    package func networks(
        textWeights: String? = nil, computeType: ComputeType = .f32,
        _ weights: (_ component: String) -> any WeightSource
    ) throws(ModelError) -> DiffusionNetworks {
        var encoders: [CLIPTextModel] = []
        for (component, configuration) in textEncoders {
            encoders.append(try CLIPTextModel(configuration, Weights(weights(component))))
        }
        return DiffusionNetworks(
            textEncoders: encoders, unet: try UNet(unet, Weights(weights("unet"), computeType: computeType)),
            vae: try AutoencoderKL(vae, Weights(weights("vae"))), textWeights: textWeights)
    }

    private static func json(_ path: String, in folder: any ModelFolder) throws(ModelError) -> JSON {
        guard let json = try optionalJSON(path, in: folder) else { throw .missingFile(path) }
        return json
    }

    private static let schedulePath = "scheduler/scheduler_config.json"

    /// nil if there is no such file.
    static func schedule(in folder: any ModelFolder) throws(ModelError) -> ScheduleConfig? {
        guard let bytes = try folder.file(schedulePath) else { return nil }
        do {
            return try ScheduleConfig(parsing: bytes)
        } catch {
            throw .schedule(error)
        }
    }

    /// nil if there is no such file.
    static func optionalJSON(_ path: String, in folder: any ModelFolder) throws(ModelError) -> JSON? {
        guard let bytes = try folder.file(path) else { return nil }
        do {
            return try JSON(parsing: bytes)
        } catch {
            throw .malformed(file: path, reason: "\(error)")
        }
    }
}
