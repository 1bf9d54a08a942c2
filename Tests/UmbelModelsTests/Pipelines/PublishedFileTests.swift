import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Published models in one file")
struct PublishedFileTests {
    @Test("The networks are those of the folders", arguments: ["sd1", "sd2", "sdxl"])
    func networks(name: String) throws {
        let published = try PublishedFile(name)
        let file = published.file
        let expected = published.configurations
        let unet = try file.unet(predictsVelocity: name == "sd2").0
        #expect(try unet == meaningful(UNetConfiguration(try #require(expected["unet"]))))
        #expect(try file.autoencoder().0 == VAEConfiguration(try #require(expected["vae"])))
        for component in ["text_encoder", "text_encoder_2"] {
            guard let json = expected[component] else { continue }
            var text = try file.textEncoder(component).0
            let folder = try CLIPTextConfiguration(json)
            // Only the second encoder of SDXL is projected.
            if component == "text_encoder" { text.projectionSize = folder.projectionSize }
            #expect(text == folder, "\(component)")
        }
    }

    @Test("Tokenizers and schedules are those of the published folders")
    func pipelines() throws {
        let (first, second, large) = try (
            PublishedFile("sd1").pipeline(), PublishedFile("sd2").pipeline(), PublishedFile("sdxl").pipeline()
        )
        #expect(first.family == .stableDiffusion && second.family == .stableDiffusion && large.family == .xl)
        #expect(first.schedule == schedule("PNDMScheduler"))
        #expect(second.schedule == schedule("DDIMScheduler", ["prediction_type": "v_prediction"]))
        #expect(large.schedule == schedule("EulerDiscreteScheduler", ["rescale_betas_zero_snr": false]))
        #expect([first, second, large].map { $0.tokenizers.map(\.padToken) } == [[49407], [0], [49407, 0]])
        #expect([first, second, large].map(\.zeroesEmptyPrompt) == [false, false, true])
    }

    @Test("Marks in the file say what the U-Net answers with")
    func marks() throws {
        var large = try PublishedFile("sdxl")
        large.shapes["v_pred"] = [0]
        #expect(
            try large.pipeline().schedule
                == schedule(
                    "EulerDiscreteScheduler", ["prediction_type": "v_prediction", "rescale_betas_zero_snr": false]))
        large.shapes["ztsnr"] = [0]
        #expect(
            try large.pipeline().schedule
                == schedule(
                    "EulerDiscreteScheduler", ["prediction_type": "v_prediction", "rescale_betas_zero_snr": true]))
        large.shapes["edm_mean"] = [4]
        #expect(large.refusal() == .unsupported(setting: "edm_mean", value: "EDM"))
    }

    @Test("Stable Diffusion 2 for smaller pictures, or with a mask, answers with noise")
    func second() throws {
        var small = try PublishedFile("sd2")
        #expect(try small.file.unet(predictsVelocity: true).0.sampleSize == 96)
        #expect(try small.file.unet(predictsVelocity: false).0.sampleSize == 64)
        var masked = small
        small.tensors["global_step"] = number(875_000)
        #expect(try small.pipeline().schedule == schedule("PNDMScheduler"))
        small.tensors["global_step"] = number(140_000)
        #expect(try small.pipeline().schedule == schedule("DDIMScheduler", ["prediction_type": "v_prediction"]))
        masked.shapes["model.diffusion_model.input_blocks.0.0.weight"] = [320, 9, 3, 3]
        #expect(try masked.pipeline().schedule == schedule("PNDMScheduler"))
        #expect(try masked.file.unet(predictsVelocity: false).0.inChannels == 9)
    }

    @Test("What is no whole model of these kinds is refused by name")
    func refusals() throws {
        var refiner = try PublishedFile("sdxl")
        refiner.move("conditioner.embedders.0.", to: nil)
        refiner.move("conditioner.embedders.1.", to: "conditioner.embedders.0.")
        #expect(refiner.refusal() == .unsupported(setting: "checkpoint", value: "SDXL refiner"))
        var single = try PublishedFile("sdxl")
        single.move("conditioner.embedders.1.", to: nil)
        #expect(single.refusal() == .missingPart("text_encoder_2"))
        for (prefix, part) in [
            ("first_stage_model.", "vae"), ("cond_stage_model.", "text_encoder"), ("model.diffusion_model.", "unet"),
        ] {
            var file = try PublishedFile("sd1")
            file.move(prefix, to: nil)
            #expect(file.refusal() == .missingPart(part))
        }
        var told = try PublishedFile("sd1")
        told.shapes["model.diffusion_model.input_blocks.0.0.weight"] = [320, 8, 3, 3]
        #expect(told.refusal() == .unsupported(setting: "in_channels", value: "8"))
    }

    @Test("Another vocabulary needs a tokenizer beside the file")
    func vocabulary() throws {
        var file = try PublishedFile("sd1")
        let name = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
        file.shapes[name] = [1000, 768]
        #expect(file.refusal() == .missingTokenizer(tensor: name, rows: 1000, place: "tokenizer"))
        let beside = FolderOnDisk(path: TestFiles.shapes)
        // Its networks' configurations are those of another model.
        struct TokenizerOnly: ModelFolder {
            let folder: FolderOnDisk
            func file(_ name: String) -> [UInt8]? { name.hasPrefix("tokenizer/") ? folder.file(name) : nil }
        }
        let pipeline = try DiffusionParts(file.file, beside: TokenizerOnly(folder: beside)).pipeline
        #expect(pipeline.tokenizers.map(\.vocabularySize) == [1000])
    }

    /// Without what says nothing: transformers where there is no attention, and heads of blocks that are not there.
    private func meaningful(_ configuration: UNetConfiguration) -> UNetConfiguration {
        var configuration = configuration
        for index in configuration.levels.indices {
            configuration.levels[index].headSize = 8
            if configuration.levels[index].down == "DownBlock2D" {
                configuration.levels[index].downTransformerLayers = []
            }
            if configuration.levels[index].up == "UpBlock2D" { configuration.levels[index].upTransformerLayers = [] }
        }
        return configuration
    }

    private func number(_ value: Int64) -> TensorView {
        let place = Matrix(rows: 1, columns: 2)
        let bytes = UnsafeMutableRawBufferPointer(start: place.start, count: 8)
        bytes.storeBytes(of: value, as: Int64.self)
        return TensorView(dtype: .i64, shape: [], bytes: UnsafeRawBufferPointer(bytes), owner: place)
    }

    /// As the published folders have it.
    private func schedule(_ name: String, _ changes: [String: JSON] = [:]) -> ScheduleConfig {
        ScheduleConfig(
            className: name,
            fields: [
                "num_train_timesteps": 1000, "beta_start": .number("0.00085"), "beta_end": .number("0.012"),
                "beta_schedule": "scaled_linear", "clip_sample": false, "set_alpha_to_one": false,
                "skip_prk_steps": true, "steps_offset": 1, "timestep_spacing": "leading", "prediction_type": "epsilon",
            ]
        ).changed(to: name, changes)
    }
}
