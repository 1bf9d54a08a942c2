import Testing
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// Which way round the difference of a square expert goes.
@Suite struct ExpertTests {
    /// Two experts of rank 1: A₀ = (1, 0), A₁ = (0, 1); B₀ = (0, 1), B₁ = (2, 0). ΔW₀ = [[0,0],[1,0]], ΔW₁ = [[0,2],[0,0]].
    private let module = Make.module([
        .down: Make.tensor([2, 2], [1, 0, 0, 1]), .up: Make.tensor([2, 2], [0, 2, 1, 0]),
    ])

    private func merge(version: String?, inputFirst: Bool?) throws -> [[Float]] {
        var members: [JSON.Member] = [.init("peft_type", "LORA"), .init("lora_alpha", 1)]
        if let version { members.append(.init("peft_version", JSON(version))) }
        let patches = try ExpertLoRA.patches(
            for: module, on: [Make.view([2, 2]), Make.view([2, 2])], parameter: "experts.down_proj",
            inputFirst: inputFirst,
            in: Make.context(.object(members)))
        return try patches.map { try Make.merged([$0], Matrix(rows: 2, columns: 2, repeating: 0)) }
    }

    private let straight: [[Float]] = [[0, 0, 1, 0], [0, 2, 0, 0]]
    private let transposed: [[Float]] = [[0, 1, 0, 0], [0, 0, 2, 0]]

    @Test func sinceNineteenInputsAreInputs() throws {
        #expect(try merge(version: "0.19.0", inputFirst: false) == straight)
        #expect(try merge(version: "0.21.2", inputFirst: true) == transposed)
    }

    @Test(arguments: [true, false, nil])
    func beforeNineteenTheFirstAxisWasAs(inputFirst: Bool?) throws {
        #expect(try merge(version: "0.18.1", inputFirst: inputFirst) == transposed)
    }

    @Test func whatCannotBeToldIsRefused() {
        #expect(throws: ModuleError.self) { try merge(version: nil, inputFirst: true) }
        #expect(throws: ModuleError.self) { try merge(version: "0.19.0", inputFirst: nil) }
    }
}
