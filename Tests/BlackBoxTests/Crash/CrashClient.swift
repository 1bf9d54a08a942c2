import Foundation
import UmbelFormats

/// One of the clients that change things until the service dies. Its names are its own, so that it knows what they must
/// be; contents it shares with the others.
final class CrashClient: @unchecked Sendable {
    // Sendable: one thread at a time uses it, the one that works or, when that has ended, the one that checks.
    private let number: Int
    private var generator: CrashGenerator
    private let contents: [Data]
    private var names: [String: NameModel] = [:]
    /// The change that was sent and not answered.
    private var pending: (name: String, change: NameModel.Change)?
    private var blobs: Set<String> = []
    private(set) var acknowledged = 0

    init(_ number: Int, seed: UInt64, contents: [Data]) {
        self.number = number
        self.contents = contents
        generator = CrashGenerator(seed: seed &+ UInt64(number) &* 0x9E37_79B9)
        for index in 0..<2 { names["client\(number)-\(index)"] = NameModel() }
    }

    /// Changes things until the service does not answer.
    ///
    /// - Returns: what it answered that it should not have.
    func work(on peer: Peer) -> String? {
        while true {
            guard let name = names.keys.sorted().randomElement(using: &generator) else { return "no names" }
            let content = contents[Int.random(in: 0..<contents.count, using: &generator)]
            let (change, isByBlob) = change(with: content)
            let (status, model) = (names[name] ?? NameModel()).after(change)
            if isByBlob {
                guard let answer = upload(blob: content, peer) else { return nil }
                guard [200, 201].contains(answer.status) else { return "blob: \(answer.status) \(answer.text)" }
                blobs.insert(Samples.sha256(content))
            }
            pending = (name, change)
            guard let answer = send(change, name, content, isByBlob, peer) else { return nil }
            guard answer.status == status else { return "\(change) of \(name): \(answer.status) \(answer.text)" }
            names[name] = model
            pending = nil
            acknowledged += 1
        }
    }

    private func change(with content: Data) -> (NameModel.Change, isByBlob: Bool) {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0...3: (.put(digest: Samples.sha256(content)), false)
        case 4, 5: (.put(digest: Samples.sha256(content)), true)
        case 6, 7: (.rollBack, false)
        case 8: (.tag("prod"), false)
        case 9: (.tag("test"), false)
        case 10: (.untag("prod"), false)
        default: (.remove, false)
        }
    }

    /// nil if the service went away before it had answered.
    private func send(
        _ change: NameModel.Change, _ name: String, _ content: Data, _ isByBlob: Bool, _ peer: Peer
    ) -> Answer? {
        let path = "/v1/adapters/\(name)"
        return try? {
            switch change {
            case .put(let digest) where isByBlob:
                let body = #"{"name": "\#(name)", "files": {"adapter.safetensors": "sha256:\#(digest)"}}"#
                return try peer.post("/v1/adapters?base=none", body, ["Content-Type": "application/json"])
            case .put: return try peer.request("PUT", path + "?base=none", body: content)
            case .remove: return try peer.delete(path)
            case .rollBack: return try peer.post(path + "/rollback", "")
            case .tag(let tag): return try peer.request("PUT", path + "/tags/\(tag)", body: Data())
            case .untag(let tag): return try peer.delete(path + "/tags/\(tag)")
            }
        }()
    }

    private func upload(blob: Data, _ peer: Peer) -> Answer? {
        try? peer.request("POST", "/v1/blobs/sha256:\(Samples.sha256(blob))", body: blob)
    }

    // MARK: After a restart

    /// Checks that every acknowledged change is there, and takes over what became of the one that was not answered.
    ///
    /// - Returns: what is not as it must be.
    func check(_ service: some Requesting) throws -> [String] {
        var findings: [String] = []
        for (name, model) in names {
            let found = try Self.model(of: name, service)
            var allowed = [model]
            if let pending, pending.name == name { allowed.append(model.after(pending.change).model) }
            if !allowed.contains(found) { findings.append("\(name) is \(found), not one of \(allowed)") }
            names[name] = found
            guard let current = found.revisions.first else { continue }
            let content = try service.get("/v1/adapters/\(name)/content")
            if content.status != 200 || Samples.sha256(content.body) != current.digest {
                findings.append("\(name) has not the content \(current.digest): \(content.status)")
            }
        }
        pending = nil
        for digest in blobs.sorted() where try service.request("HEAD", "/v1/blobs/sha256:\(digest)").status != 200 {
            findings.append("the blob \(digest) is gone")
        }
        return findings
    }

    private static func model(of name: String, _ service: some Requesting) throws -> NameModel {
        let history = try service.get("/v1/adapters/\(name)/history")
        guard history.status == 200 else { return NameModel() }
        var model = NameModel()
        model.revisions = (try history.json["data"]?.array ?? []).map { entry in
            NameModel.Revision(
                generation: entry["generation"]?.integer ?? 0,
                digest: String((entry["digest"]?.string ?? "").dropFirst("sha256:".count)))
        }
        for tag in try service.get("/v1/adapters/\(name)/tags").json["data"]?.array ?? [] {
            model.tags[tag["tag"]?.string ?? ""] = tag["generation"]?.integer
        }
        return model
    }

    /// Digests of everything that its names keep.
    var digests: Set<String> { Set(names.values.flatMap { $0.revisions.map(\.digest) }) }
}

/// Numbers that a seed repeats (SplitMix64).
struct CrashGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
