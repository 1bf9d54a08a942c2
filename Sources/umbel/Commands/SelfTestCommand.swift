import ArgumentParser
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelTensor

/// `umbel selftest`: do all kernels of this machine give the bytes that they must?
struct SelfTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Merge what is built in with every set of kernels of this CPU, and compare the bytes.",
        discussion: "Prints the digest that each set gives. Exits with 1 if one of them is not what it must be.")

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let outcomes: [SelfTest.Outcome]
        do {
            outcomes = try SelfTest().run()
        } catch {
            throw CommandFailure(.failed, "the built-in merge failed: \(error)")
        }
        let isExpected = outcomes.allSatisfy(\.isExpected)
        Terminal.print(json ? document(outcomes, isExpected).prettyText : text(outcomes))
        if !isExpected {
            Terminal.error(
                "merged bytes should have the digest \(SelfTest.expectedDigest): do not merge on this machine")
            Terminal.exit(.failed)
        }
    }

    private func text(_ outcomes: [SelfTest.Outcome]) -> String {
        outcomes.map { outcome in
            let name = outcome.kernels.padding(to: 8)
            let threads = outcome.threads == 1 ? "1 thread " : "\(outcome.threads) threads"
            return "\(name)\(threads)  \(outcome.digest)  \(outcome.isExpected ? "as it must be" : "WRONG")"
        }
        .joined(separator: "\n")
    }

    private func document(_ outcomes: [SelfTest.Outcome], _ isExpected: Bool) -> JSON {
        [
            "numerics": JSON(VariantIdentity.numericsVersion), "expected": .string(SelfTest.expectedDigest),
            "kernels": .string(KernelSet.chosen), "ok": .bool(isExpected),
            "sets": .array(
                outcomes.map {
                    [
                        "kernels": .string($0.kernels), "threads": JSON($0.threads), "digest": .string($0.digest),
                        "ok": .bool($0.isExpected),
                    ]
                }),
        ]
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
