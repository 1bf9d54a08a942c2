import Testing
import UmbelNames

@Suite("Modules of a part by their canonical names")
struct ComponentModuleTests {
    private let prefix = "conditioner.embedders.1.model."

    private var table: NameTable {
        let tensors = [
            BaseTensor(name: "model.diffusion_model.input_blocks.0.0.weight", shape: [32, 4, 3, 3]),
            BaseTensor(name: prefix + "transformer.resblocks.0.attn.in_proj_weight", shape: [24, 8]),
            BaseTensor(name: prefix + "text_projection", shape: [8, 4]),
        ]
        return NameTable(catalog: BaseCatalog(tensors: tensors))
    }

    @Test("A single file's parts have the names of a pipeline's folders")
    func components() {
        #expect(table.componentNames == ["unet", "text_encoder_2"])
        #expect(table.isOriginal("unet") && table.isOriginal("text_encoder_2") && !table.isOriginal("vae"))
    }

    @Test("Each module is told with the rows that it has of a fused tensor")
    func modules() throws {
        let modules = table.modules(of: "text_encoder_2")
        let keys = try #require(modules.first { $0.module.hasSuffix("layers.0.self_attn.k_proj") })
        #expect(keys.weight?.shape == [8, 8] && keys.weight?.pieces.first?.rows == 8..<16)
        let projection = try #require(modules.first { $0.module == "text_projection" })
        #expect(projection.weight?.shape == [4, 8] && projection.weight?.pieces.first?.transposed == true)
        #expect(table.modules(of: "unet").contains { $0.module == "conv_in" })
        #expect(table.modules(of: "vae").isEmpty)
    }
}
