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
}
