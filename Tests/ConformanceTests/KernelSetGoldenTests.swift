import Testing
import UmbelAdapters
import UmbelEngine
import UmbelPOSIX
import UmbelTensor
import UmbelTesting

/// Every merge of the corpora has the same bytes whatever the instruction set and the number of threads.
@Suite("Merged bytes in every kernel set")
struct KernelSetGoldenTests {
    private static func digest(_ plan: MergePlan, threads: Int) throws -> String {
        let merger = TensorMerger(plan: plan, pool: ComputePool(threads: threads))
        let digest = SHA256()
        var done: Set<Int> = []
        for tensor in plan.touched.sorted() where !done.contains(tensor) {
            for (index, merged) in try merger.merge(tensor).sorted(by: { $0.key < $1.key }) {
                done.insert(index)
                withExtendedLifetime(merged) { digest.update(merged.bytes) }
            }
        }
        return digest.finish()
    }

    private static func check(_ plan: MergePlan, _ name: String) throws {
        var expected: String?
        try KernelSets.each { set in
            for threads in [1, 2] {
                let digest = try digest(plan, threads: threads)
                #expect(digest == expected ?? digest, "\(name): \(set) with \(threads) threads")
                expected = digest
            }
        }
    }

    @Test("The LyCORIS merges")
    func lycoris() throws {
        for item in LyCORISGoldenTests.cases where item.adapters.allSatisfy({ $0.multiplier != 0 }) {
            let merge = try MergeResult(
                base: Goldens.path("lycoris/\(item.base)"),
                adapters: item.adapters.map { (Goldens.path("lycoris/\($0.file)"), $0.multiplier) },
                prefixes: item.prefixes.map { "\($0)=\($1)" }, allowsUnmatched: true)
            try Self.check(merge.plan, item.id)
        }
    }

    @Test("The PEFT merges")
    func peft() throws {
        for item in PEFTGoldenTests.reference + PEFTGoldenTests.more {
            let merge = try MergeResult(base: item.basePath, adapters: item.adapters)
            try Self.check(merge.plan, item.id)
        }
    }

    @Test("What is built in has the digest that it must have")
    func selfTest() throws {
        let outcomes = try SelfTest().run()
        #expect(Set(outcomes.map(\.kernels)) == Set(KernelSet.available))
        for outcome in outcomes {
            #expect(outcome.isExpected, "\(outcome.kernels), \(outcome.threads) threads: \(outcome.digest)")
        }
    }
}
