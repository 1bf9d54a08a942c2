import Testing
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

@Suite struct WholeTensorTests {
    private let context = Result { try Make.context(["peft_type": "LORA"]) }

    private func replacements(_ patches: [Patch]) -> [(TargetView?, [Int])] {
        patches.compactMap { patch in
            if case .replace(let tensor) = patch.change { (patch.view, tensor.shape) } else { nil }
        }
    }

    @Test(arguments: ["weight", "base_layer.weight", "modules_to_save.weight"] as [Role])
    func aStoredWeightReplacesTheBases(role: Role) throws {
        let module = Make.module([role: Make.tensor([5, 3])])
        #expect(try WholeTensor.claims(module, in: context.get()))
        let patches = try WholeTensor.patches(for: module, on: Make.target([4, 3]), in: context.get())
        // A resized vocabulary: the first axis may differ.
        #expect(replacements(patches).map(\.1) == [[5, 3]])
    }

    @Test func anotherInnerAxisIsRefused() throws {
        let module = Make.module([.weight: Make.tensor([4, 2])])
        #expect(throws: ModuleError.self) {
            try WholeTensor.patches(for: module, on: Make.target([4, 3]), in: context.get())
        }
    }

    @Test func aTensorThatTheBaseLacksIsAdded() throws {
        let module = Make.module([.weight: Make.tensor([2, 3]), .bias: Make.tensor([2])])
        let patches = try WholeTensor.patches(for: module, on: Make.target(nil, module: "score"), in: context.get())
        let names = patches.compactMap { patch in
            if case .add(_, let name, _) = patch.change { name } else { nil }
        }
        #expect(names == ["score.weight", "score.bias"])
    }

    @Test func aConv1DsCopyIsPutInPlaceAsStored() throws {
        // Stored (in, out) = (3, 4), seen as (4, 3).
        let module = Make.module([.baseWeight: Make.tensor([3, 4])])
        let patches = try WholeTensor.patches(
            for: module, on: Make.target([4, 3], transposed: true), in: context.get())
        let view = try #require(patches.first?.view)
        #expect(view.shape == [3, 4] && view.pieces.first?.transposed == false)
    }

    @Test func theUntouchedCopyOfADumpIsIgnored() throws {
        let module = Make.module([
            "original_module.weight": Make.tensor([4, 3]), "modules_to_save.weight": Make.tensor([4, 3]),
        ])
        #expect(try WholeTensor.patches(for: module, on: Make.target([4, 3]), in: context.get()).count == 1)
    }

    @Test func factorsOfATunerAreNotClaimed() throws {
        let module = Make.module([
            .weight: Make.tensor([4, 3]), .down: Make.tensor([1, 3]), .up: Make.tensor([4, 1]),
        ])
        #expect(try !WholeTensor.claims(module, in: context.get()))
        #expect(try WholeTensor.wholeTensorPatches(for: module, on: Make.target([4, 3])).count == 1)
    }

    @Test func aLoneWeightOutsidePEFTIsNotClaimed() {
        #expect(
            !WholeTensor.claims(Make.module(stem: "lora_unet_x", [.weight: Make.tensor([4])]), in: AdapterContext()))
    }

    @Test(arguments: [[2, 0], ["embed": [2, 0], "other": [1]]] as [JSON])
    func trainedRowsArePutInPlaceWhateverTheStrength(indices: JSON) throws {
        let module = Make.module(
            stem: "base_model.model.m.embed", ["trainable_tokens_delta": Make.tensor([2, 2], [1, 2, 3, 4])])
        let context = try Make.context(
            .object([.init("peft_type", "LORA"), .init("trainable_token_indices", indices)]))
        let patches = try TrainableTokens.patches(for: module, on: Make.target([3, 2]), in: context)
        let base = Matrix(rows: 3, columns: 2, repeating: 9)
        #expect(try Make.merged(patches, base, strength: 0.5) == [3, 4, 9, 9, 1, 2])
    }

    /// W = a stored copy, then the delta, then the trained row, in this order.
    @Test func aPairMayHaveACopyBeforeItAndRowsAfterIt() throws {
        let module = Make.module([
            .baseWeight: Make.tensor([2, 2]), "lora_embedding_A": Make.tensor([1, 2]),
            "lora_embedding_B": Make.tensor([2, 1]),
            "trainable_tokens_delta": Make.tensor([1, 2]),
        ])
        let context = try Make.context(["peft_type": "LORA", "trainable_token_indices": [1]])
        let patches = try PEFTCompanions.patches(for: module, by: LoRA.self, on: Make.target([2, 2]), in: context)
        #expect(patches.map(\.phase) == [0, 2, 2])
        let values = try Make.merged(patches, Matrix(rows: 2, columns: 2, repeating: 1))
        #expect(Array(values.suffix(2)) == [0.1, 0.2])
    }

    @Test func aWeightOfAnotherFormatIsLeftToItsAlgorithm() throws {
        let module = Make.module(
            stem: "lora_unet_x",
            [.weight: Make.tensor([2, 2]), .down: Make.tensor([1, 2]), .up: Make.tensor([2, 1])])
        let patches = try PEFTCompanions.patches(
            for: module, by: LoRA.self, on: Make.target([2, 2]), in: AdapterContext())
        #expect(patches.map(\.phase) == [2])
    }

    @Test func aTokenOutsideTheVocabularyIsRefused() throws {
        let module = Make.module(["trainable_tokens_delta": Make.tensor([1, 2])])
        let context = try Make.context(["peft_type": "TRAINABLE_TOKENS", "token_indices": [3]])
        #expect(throws: ModuleError.self) {
            try TrainableTokens.patches(for: module, on: Make.target([3, 2]), in: context)
        }
    }
}
