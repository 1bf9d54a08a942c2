import Testing
import UmbelNames

@Suite("Nearest names")
struct NearestTests {
    private func nearest(_ table: NameTable, _ stem: String) -> String? {
        guard case .none(let nearest) = table.resolve([stem])[0] else { return nil }
        return nearest
    }

    @Test("A miss names the nearest stem with the same prefix")
    func near() {
        let table = NameTable(
            catalog: BaseCatalog(tensors: base(["blocks.0.attn.to_q.weight", "blocks.0.attn.to_k.weight"])))
        #expect(nearest(table, "lora_unet_blocks_0_atn_to_q") == "lora_unet_blocks_0_attn_to_q")
        #expect(nearest(table, "base_model.model.blocks.0.attn.to_kk") == "base_model.model.blocks.0.attn.to_k")
        #expect(nearest(table, "blocks.0.attn.to_v") == "blocks.0.attn.to_k")
    }

    @Test("What is far from everything has no nearest stem")
    func far() {
        let table = NameTable(catalog: BaseCatalog(tensors: base(["blocks.0.attn.to_q.weight"])))
        #expect(nearest(table, "lora_unet_something_else_entirely") == nil)
        #expect(nearest(table, "") == nil)
    }

    @Test("Of several equally near stems it is always the same one")
    func repeatable() throws {
        let list = try NameList("sd15-unet")
        let table = NameTable(catalog: BaseCatalog(tensors: list.base(.diffusers)))
        let stems = list.rows.prefix(40).compactMap { $0.stems["kohya"] }.map { $0 + "_x" }
        let again = NameTable(catalog: BaseCatalog(tensors: list.base(.diffusers)))
        #expect(table.resolve(stems) == again.resolve(stems))
        #expect(stems.allSatisfy { nearest(table, $0) != nil })
    }
}
