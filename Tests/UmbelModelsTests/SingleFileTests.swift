import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Checkpoints in one file")
struct SingleFileTests {
    static let parts = [
        ("sd2-tiny", "unet"), ("sd2-tiny", "vae"), ("sd2-tiny", "text_encoder"), ("sdxl-tiny", "unet"),
        ("sdxl-tiny", "vae"), ("sdxl-tiny", "text_encoder"), ("sdxl-tiny", "text_encoder_2"),
    ]

    @Test("Every tensor of the folder is found in the file, bit for bit", arguments: parts)
    func tensors(name: String, part: String) throws {
        let file = try SingleFile(path: TestFiles.drawing + "/single-files/\(name).safetensors")
        let weights = try file.weights(part)
        let folder = try ComponentFiles.weights(in: TestFiles.drawing + "/\(name)/\(part)")
        #expect(folder.names.count > 10)
        for tensor in folder.names {
            let expected = try #require(folder.tensor(tensor))
            // The file always has the longer names of text encoders.
            let isShort = part.hasPrefix("text") && !tensor.hasPrefix("text_")
            let found = try #require(weights.tensor(isShort ? "text_model." + tensor : tensor), "\(tensor)")
            #expect(found.elementCount == expected.elementCount && found.values() == expected.values(), "\(tensor)")
        }
    }

    @Test("A U-Net of a file computes what that of the folder computes", arguments: ["sd2-tiny", "sdxl-tiny"])
    func unet(name: String) throws {
        let folder = TestFiles.drawing + "/\(name)/unet"
        let configuration = try UNetConfiguration(ComponentFiles.json("config.json", in: folder))
        let file = try SingleFile(path: TestFiles.drawing + "/single-files/\(name).safetensors")
        let single = try UNet(configuration, Weights(file.weights("unet")))
        let other = try ComponentFiles.unet(folder)
        let sample = FeatureMap(batch: 1, height: 8, width: 8, Matrix(rows: 64, columns: 4, repeating: 0.3))
        let context = Matrix(rows: 2, columns: single.contextSize, repeating: 0.1)
        var added: AddedConditions?
        if case .textAndNumbers(let size, let numberSize)? = configuration.addition {
            let pooled = Matrix(rows: 1, columns: size - 6 * numberSize, repeating: 0.2)
            added = AddedConditions(pooledText: pooled, numbers: [[8, 8, 0, 0, 8, 8]])
        }
        let input = UNetInput(sample: sample, times: [500], context: context, added: added)
        let pass = ForwardPass(pool: ComputePool(threads: 2))
        #expect(try single(input, pass).values.values == other(input, pass).values.values)
    }

    @Test("Query, keys and values of one stored tensor are layers of their own")
    func fused() throws {
        let path = TestFiles.drawing + "/single-files/sdxl-tiny.safetensors"
        let folder = TestFiles.drawing + "/sdxl-tiny/text_encoder_2"
        let configuration = try CLIPTextConfiguration(ComponentFiles.json("config.json", in: folder))
        let single = try CLIPTextModel(configuration, Weights(SingleFile(path: path).weights("text_encoder_2")))
        let other = try ComponentFiles.textModel(folder)
        let pass = ForwardPass(pool: ComputePool(threads: 2))
        let ids = [[998, 4, 5, 6, 999]]
        let (found, expected) = try (single(ids, pass), other(ids, pass))
        #expect(found.last.values == expected.last.values)
        #expect(found.projected?.values == expected.projected?.values)
    }

    @Test("What is like none of the known models is refused, because nothing says how many heads it has")
    func unknown() throws {
        let file = try SingleFile(path: TestFiles.drawing + "/single-files/sd2-tiny.safetensors")
        #expect(throws: ModelError.unsupported(setting: "cross_attention_dim", value: "8")) {
            try file.unet(predictsVelocity: true)
        }
        #expect(throws: ModelError.missingPart("text_encoder_2")) { try file.weights("text_encoder_2") }
    }

    @Test("The autoencoder's configuration is that of the folder", arguments: ["sd2-tiny", "sdxl-tiny"])
    func autoencoder(name: String) throws {
        let file = try SingleFile(path: TestFiles.drawing + "/single-files/\(name).safetensors")
        let found = try file.autoencoder().0
        let folder = TestFiles.drawing + "/\(name)/vae"
        let expected = try VAEConfiguration(ComponentFiles.json("config.json", in: folder))
        #expect(found.channels == expected.channels && found.layers == expected.layers)
        #expect(found.latentChannels == expected.latentChannels)
        #expect(found.scaling.factor == (name == "sd2-tiny" ? 0.18215 : 0.13025))
    }
}
