import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Configurations of U-Nets")
struct UNetConfigurationTests {
    struct Refusal: CustomTestStringConvertible, Sendable {
        let option: String
        let value: JSON
        let configuration: JSON
        var testDescription: String { "\(option): \(value.text)" }
    }

    static let refusals: [Refusal] = {
        let file = try? ComponentFiles.json("refused.json", in: TestFiles.drawing + "/unets")
        return (file?["refused"]?.array ?? []).compactMap { entry in
            guard let option = entry["option"]?.string, let value = entry["value"], let config = entry["config"]
            else { return nil }
            return Refusal(option: option, value: value, configuration: config)
        }
    }()

    @Test("There is something that is refused")
    func thereAreRefusals() { #expect(Self.refusals.count > 20) }

    @Test("What is not supported is refused by the name of its setting", arguments: refusals)
    func refused(refusal: Refusal) throws {
        let error = #expect(throws: ModelError.self) {
            let configuration = try UNetConfiguration(refusal.configuration)
            _ = try UNet(configuration, Weights(TensorsByName([:])))
        }
        guard case .unsupported(let setting, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(setting == refusal.option)
    }

    @Test("Settings that nobody knows are refused if they say something")
    func unknown() throws {
        #expect(throws: ModelError.unsupported(setting: "new_attention", value: "true")) {
            try UNetConfiguration(["new_attention": true, "sample_size": 8])
        }
        #expect(throws: Never.self) { try UNetConfiguration(["new_attention": false, "_note": "x", "older": .null]) }
    }

    @Test("Lists have a value for each level, and levels on the way up are listed from the other end")
    func levels() throws {
        let configuration = try UNetConfiguration([
            "block_out_channels": [32, 64], "attention_head_dim": [1, 2], "layers_per_block": [1, 3],
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "transformer_layers_per_block": [4, 5],
        ])
        #expect(configuration.levels.map(\.heads) == [1, 2])
        #expect(configuration.levels.map(\.up) == ["CrossAttnUpBlock2D", "UpBlock2D"])
        #expect(configuration.levels[1].downTransformerLayers == [5, 5, 5])
        #expect(configuration.levels[0].upTransformerLayers == [4, 4])
        #expect(configuration.middleTransformerLayers == 5)
        #expect(throws: ModelError.unsupported(setting: "layers_per_block", value: "1 of 2")) {
            try UNetConfiguration([
                "block_out_channels": [32, 64], "down_block_types": ["DownBlock2D", "DownBlock2D"],
                "up_block_types": ["UpBlock2D", "UpBlock2D"], "layers_per_block": [1],
            ])
        }
    }

    @Test("The middle block is left out only where the setting says null")
    func middle() throws {
        #expect(try UNetConfiguration([:]).middle == "UNetMidBlock2DCrossAttn")
        #expect(try UNetConfiguration(["mid_block_type": .null]).middle == nil)
    }
}
