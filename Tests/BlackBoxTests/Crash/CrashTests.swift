import Foundation
import Testing

/// SIGKILL at any moment: what was acknowledged is there, nothing is half there, nothing is left over.
@Suite struct CrashTests {
    private func findings(of client: CrashClient, _ service: Service) -> [String] {
        do { return try client.check(service) } catch { return ["\(error), \(service.condition)"] }
    }

    @Test func `two hundred kills among uploads, re-points, tags, rollbacks, blobs and deletions lose nothing`() throws
    {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = CrashGenerator(seed: seed)
        let service = try Service(
            [:], arguments: ["--set", "adapters.history=\(NameModel.history)", "--set", "log.level=error"])
        let contents = try (0..<8).map(Samples.variation)
        let clients = (0..<4).map { CrashClient($0, seed: seed, contents: contents) }
        for round in 1...200 {
            let peer = service.peer
            let ended = DispatchGroup()
            let wrong = Findings()
            for client in clients {
                DispatchQueue.global().async(group: ended) {
                    if let finding = client.work(on: peer) { wrong.append(finding) }
                }
            }
            // The moment is what the test is about: from before the first change to some way into the tenth or so.
            usleep(UInt32.random(in: 0...25_000, using: &generator))
            try service.kill()
            ended.wait()
            try service.start()
            let findings = wrong.all + clients.flatMap { self.findings(of: $0, service) }
            try #require(findings == [], "seed \(seed), round \(round)")
            try #require(!service.stored.contains { $0.hasPrefix("uploads/") }, "seed \(seed), round \(round)")
        }
        let acknowledged = clients.map(\.acknowledged).reduce(0, +)
        #expect(acknowledged > 200, "seed \(seed): too little was done for the kills to mean anything")
        // Blobs have had their time, so that what stays is what a name keeps.
        #expect(try service.stop() == 0)
        try service.start("--set", "adapters.blob_grace_seconds=1")
        let kept = clients.reduce(into: Set<String>()) { $0.formUnion($1.digests) }
        try eventually("seed \(seed): nothing but what the names keep is stored") {
            service.stored == kept.map { "blobs/" + $0 }.sorted()
        }
    }
}

private final class Findings: @unchecked Sendable {
    // Sendable: the lock is held wherever the list is touched.
    private let lock = NSLock()
    private var list: [String] = []

    var all: [String] { lock.withLock { list } }

    func append(_ finding: String) { lock.withLock { list.append(finding) } }
}
