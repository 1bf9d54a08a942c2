import Testing
import UmbelNames

@Suite("Experts")
struct ExpertTests {
    private let stem = "base_model.model.model.layers.0.mlp.experts"

    @Test("Experts in tensors of their own: the gate's rows above those of the way up")
    func perExpert() throws {
        let names = (0..<2).flatMap { expert in
            [("gate_proj", [3, 4]), ("up_proj", [3, 4]), ("down_proj", [4, 3])].map {
                ("model.layers.0.mlp.experts.\(expert).\($0.0).weight", $0.1)
            }
        }
        let table = NameTable(catalog: BaseCatalog(tensors: base(names), modelType: "qwen3_moe"))
        let stacks = try #require(table.experts(stem))
        #expect(stacks.parameters.map(\.name) == ["gate_up_proj", "down_proj"])
        #expect(stacks.parameters.map(\.inputFirst) == [false, false])
        #expect(
            stacks.parameters[0].experts[1] == TargetView(pieces: [Piece(tensor: 3), Piece(tensor: 4)], shape: [6, 4]))
        #expect(stacks.parameters[1].experts[1] == TargetView(pieces: [Piece(tensor: 5)], shape: [4, 3]))
    }

    @Test("Mixtral's experts are found under the path they have in memory")
    func mixtral() throws {
        let names = [("w1", [3, 4]), ("w3", [3, 4]), ("w2", [4, 3])].map {
            ("model.layers.0.block_sparse_moe.experts.0.\($0.0).weight", $0.1)
        }
        let table = NameTable(catalog: BaseCatalog(tensors: base(names), modelType: "mixtral"))
        let stacks = try #require(table.experts(stem))
        #expect(stacks.parameters[0].experts[0].pieces == [Piece(tensor: 0), Piece(tensor: 1)])
        #expect(stacks.parameters[1].experts[0].pieces == [Piece(tensor: 2)])
    }

    @Test(
        "Stored stacks are slabs, turned as the model type says",
        arguments: [
            ("gpt_oss", true), ("llama4", true), ("qwen3_vl_moe", true), ("mixtral", false), ("unheard_of", nil),
        ])
    func stored(modelType: String, inputFirst: Bool?) throws {
        let tensors = base([
            ("model.layers.0.mlp.experts.gate_up_proj", [3, 4, 10]),
            ("model.layers.0.mlp.experts.down_proj", [3, 5, 4]),
        ])
        let table = NameTable(catalog: BaseCatalog(tensors: tensors, modelType: modelType))
        let stacks = try #require(table.experts(stem))
        #expect(stacks.parameters.map(\.inputFirst) == [inputFirst, inputFirst])
        var piece = Piece(tensor: 0)
        piece.leadingAxes = 2
        piece.slab = 8..<12
        #expect(stacks.parameters[0].experts[2] == TargetView(pieces: [piece], shape: [4, 10]))
    }

    @Test("A pair per expert means a slab of the stack, as rows of its output")
    func pairPerExpert() throws {
        let tensors = base([("model.layers.0.mlp.experts.gate_up_proj", [3, 4, 10])])
        let llama = NameTable(catalog: BaseCatalog(tensors: tensors, modelType: "llama4"))
        let view = try #require(llama.resolve([stem + ".1.up_proj"])[0].target?.weight)
        var piece = Piece(tensor: 0)
        piece.leadingAxes = 2
        piece.slab = 4..<8
        piece.transposed = true
        piece.rows = 5..<10
        #expect(view == TargetView(pieces: [piece], shape: [5, 4]))
        // gpt-oss alternates gate and up, so neither is a range of rows.
        let other = NameTable(catalog: BaseCatalog(tensors: tensors, modelType: "gpt_oss"))
        #expect(other.resolve([stem + ".1.up_proj"])[0].target == nil)
    }

    @Test("A stack is a parameter, not a module")
    func parameter() {
        let table = NameTable(catalog: BaseCatalog(tensors: base(["model.layers.0.mlp.experts.down_proj"])))
        #expect(table.resolve(["model.layers.0.mlp.experts.down_proj"])[0].target == nil)
        #expect(
            table.parameter("base_model.model.model.layers.0.mlp.experts.down_proj")?.weight?.pieces == [
                Piece(tensor: 0)
            ])
        #expect(table.experts("model.layers.1.mlp.experts") == nil)
    }
}
