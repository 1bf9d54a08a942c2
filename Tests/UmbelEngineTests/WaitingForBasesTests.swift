import Dispatch
import Glibc
import Synchronization
import Testing
import UmbelPOSIX
import UmbelRegistry
import UmbelTensor
import UmbelTesting

@testable import UmbelEngine

@Suite("Waiting for bases that are being read")
struct WaitingForBasesTests {
    @Test("Only so many wait; the others are told so, and when it is read nobody waits")
    func limit() throws {
        let folder = try TemporaryFolder()
        let tensors = [TestTensor("a.weight", [3, 5], [Float](repeating: 1, count: 15))]
        let base = try BaseModel(name: "base", path: folder.write(tensors.file(), to: "one.safetensors"))
        let store = try AdapterStore(folder: folder.path + "/data")
        let engine = Engine(
            bases: [base], adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 20,
            pool: ComputePool(threads: 1), waitingLimit: 2)
        #expect(base.findings.claim())
        let answers = Mutex<[String]>([])
        let done = DispatchGroup()
        for _ in 0..<2 {
            done.enter()
            try Thread.start {
                let digest = (try? engine.digest(of: base)) ?? ""
                answers.withLock { $0.append(digest) }
                done.leave()
            }
        }
        while engine.waitingForBases.withLock({ $0 }) < 2 { usleep(1000) }
        for _ in 0..<3 {
            let refusal = #expect(throws: EngineError.self) { try engine.digest(of: base) }
            guard case .baseBeingRead("base") = refusal else {
                Issue.record("\(String(describing: refusal))")
                break
            }
        }
        let file = try #require(base.files.first)
        base.findings.settle(BaseFindings(base, [file.path: FileFindings.read(file, of: base)]))
        done.wait()
        #expect(answers.withLock { Set($0) } == [try engine.digest(of: base)])
        #expect(engine.waitingForBases.withLock { $0 } == 0)
    }
}
