import Foundation
import Testing
import UmbelFormats

/// Downloads of models that are merged while they are sent.
@Suite struct DownloadTests {
    private let scratch: Scratch
    private let service: Service
    private static let path = "/v1/models/base+a:0.7/files/base.safetensors"
    /// Some layers are the base's own.
    private static let (touched, untouched) = (24, 8)
    private static let side = 1024

    init() throws {
        scratch = try Scratch()
        let model = GeneratedModel(layers: Self.touched + Self.untouched, side: Self.side)
        try model.writeBase(to: scratch.path + "/base.safetensors")
        try GeneratedModel(layers: Self.touched, side: Self.side)
            .writeAdapter(rank: 4, seed: 1, to: scratch.path + "/a.safetensors")
        service = try Service(["base": scratch.path + "/base.safetensors"], arguments: ["--set", "cache.bytes=0"])
        #expect(try service.put("a", scratch.path + "/a.safetensors").status == 201)
    }

    private func counter(_ name: String) throws -> Int {
        try #require(try service.get("/v1/variants").json["counters"]?[name]?.integer)
    }

    @Test func `a whole download equals the ranges, one tensor each, and the command's file`() throws {
        let whole = try service.get(Self.path).body
        var joined = Data()
        for start in stride(from: 0, to: whole.count, by: 1_500_001) {
            let end = min(whole.count, start + 1_500_001) - 1
            joined += try service.get(Self.path, ["Range": "bytes=\(start)-\(end)"]).body
        }
        #expect(joined == whole)
        let parts = try service.get(Self.path, ["Range": "bytes=0-9,3000000-9000000,66000000-"])
        #expect(parts.status == 206)
        for range in [0..<10, 3_000_000..<9_000_001, 66_000_000..<whole.count] {
            #expect(parts.body.range(of: whole[range]) != nil, "\(range)")
        }
        let merged = scratch.path + "/merged.safetensors"
        let arguments = [
            "merge", "--base", scratch.path + "/base.safetensors", "--adapter", scratch.path + "/a.safetensors:0.7",
            "--out", merged,
        ]
        #expect(try Program(Programs.umbel, arguments, scratch: scratch).finish().status == 0)
        #expect(try Data(contentsOf: URL(filePath: merged)) == whole)
        let head = try service.request("HEAD", Self.path)
        #expect(head["content-length"] == "\(whole.count)")
    }

    @Test func `a range merges what it overlaps and nothing more`() throws {
        let before = try counter("builds")
        // The third layer, from somewhere in it to somewhere in it.
        let length = Self.side * Self.side * 2
        let answer = try service.get(Self.path, ["Range": "bytes=\(2 * length + 100_000)-\(3 * length - 100_000)"])
        #expect(answer.status == 206)
        #expect(try counter("builds") - before == 1)
    }

    @Test func `a client that leaves stops the merging`() throws {
        for _ in 0..<3 {
            let before = try counter("builds")
            do {
                let client = try Client(port: service.port, receiveBuffer: 4096)
                try client.send("GET \(Self.path) HTTP/1.1\r\nHost: test\r\n\r\n")
                // Something is being sent, so merging goes on ahead of it.
                #expect(client.socket.wait(for: .reading, seconds: Client.patience))
                try eventually("a tensor is merged") { try counter("builds") > before }
                client.socket.resetOnClose()
            }
            try eventually("nobody holds a tensor any more") {
                let state = try service.get("/v1/variants").json
                return state["memory"]?["lent"]?.integer == 0 && state["counters"]?["running"]?.integer == 0
            }
            #expect(try counter("builds") - before < Self.touched)
        }
        #expect(try service.get(Self.path).isComplete)
    }
}
