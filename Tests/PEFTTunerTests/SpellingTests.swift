import Testing
import UmbelAdapters

@Suite struct SpellingTests {
    @Test func noSpellingMeansTwoRoles() {
        var meanings: [String: Role] = [:]
        for algorithm in AlgorithmList.all {
            for spelling in algorithm.roles {
                for suffix in spelling.suffixes {
                    let known = meanings.updateValue(spelling.role, forKey: suffix)
                    #expect(known == nil || known == spelling.role, "\(suffix)")
                }
            }
        }
    }

    @Test func noTwoAlgorithmsHaveOneName() {
        #expect(Set(AlgorithmList.all.map { $0.name }).count == AlgorithmList.all.count)
    }

    /// Dumps of a live model and DiffSynth keep the adapter's name in the key.
    @Test(arguments: [
        ("blocks.0.q.lora_A.default.weight", "blocks.0.q", Role.down),
        ("blocks.0.q.lora_B.style.weight", "blocks.0.q", .up),
        ("blocks.0.q.lora_B.default.bias", "blocks.0.q", "lora_B.bias"),
        ("blocks.0.q.lora_A.weight", "blocks.0.q", .down),
        ("blocks.0.norm.weight", "blocks.0.norm", .weight),
        ("blocks.0.q.base_layer.weight", "blocks.0.q", .baseWeight),
    ])
    func adapterNameIsNoPartOfTheStem(key: String, stem: String, role: Role) {
        let split = AdapterKey(key)
        #expect(split.stem == stem)
        #expect(split.role == role)
    }
}
