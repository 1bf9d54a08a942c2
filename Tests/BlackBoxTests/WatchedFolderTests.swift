import Foundation
import Testing
import UmbelFormats

/// `adapters.watch`: what is dropped into a folder is taken in, and what is refused is told of.
@Suite struct WatchedFolderTests {
    private let drop: Scratch
    private let service: Service

    init() throws {
        drop = try Scratch()
        service = try Self.service(["main": Samples.main], drop)
    }

    private static func service(_ bases: KeyValuePairs<String, String>, _ drop: Scratch) throws -> Service {
        try Service(
            bases, arguments: ["--set", "adapters.watch=\(drop.path)", "--set", "adapters.watch_interval=0.02"])
    }

    private func entry(_ path: String, of service: Service? = nil) throws -> JSON? {
        let list = try (service ?? self.service).get("/v1/watch").json
        return list["data"]?.array?.first { $0["path"]?.string == path }
    }

    /// Waits until a path has come to that state, and shows it.
    @discardableResult
    private func wait(for path: String, _ state: String, of service: Service? = nil) throws -> JSON {
        try eventually("\(path) is \(state)") { try entry(path, of: service)?["state"]?.string == state }
        return try #require(try entry(path, of: service))
    }

    @Test func `a file is taken in under its name, re-points it when it is replaced, and leaves it when it goes`()
        throws
    {
        try drop.write("ink.safetensors", try Samples.data(Samples.plain))
        let added = try wait(for: "ink.safetensors", "added")
        #expect(added["name"] == "ink")
        #expect(added["digest"] == .string("sha256:" + Samples.sha256(try Samples.data(Samples.plain))))
        #expect(added["problem"] == .null)
        #expect(try service.get("/v1/adapters/ink/content").body == (try Samples.data(Samples.plain)))
        try drop.write("ink.safetensors", try Samples.other())
        let digest = Samples.sha256(try Samples.other())
        try eventually("the name is re-pointed") { try service.digest("ink") == digest }
        #expect(try service.get("/v1/adapters/ink?effects=false").json["generation"]?.integer == 2)
        try FileManager.default.removeItem(atPath: drop.path + "/ink.safetensors")
        try eventually("the file is not listed") { try entry("ink.safetensors") == nil }
        #expect(try service.digest("ink") == digest)
        #expect(service.log.contains("adapter taken in"))
    }

    @Test func `what is refused is in the list and in the log, and stays where it is`() throws {
        try drop.write("bad.safetensors", try Samples.data(Samples.damaged("shape_mismatch.safetensors")))
        try drop.write("old.pt", Data("x".utf8))
        try drop.write("notes.txt", Data("x".utf8))
        let refused = try wait(for: "bad.safetensors", "refused")
        #expect(refused["problem"]?["code"] == "shape_mismatch")
        #expect(refused["problem"]?["detail"]?.string?.isEmpty == false)
        #expect(try wait(for: "old.pt", "refused")["problem"]?["code"] == "not_safetensors")
        #expect(try entry("notes.txt") == nil)
        #expect(try service.get("/v1/adapters/bad").status == 404)
        #expect(service.log.contains("shape_mismatch"))
        #expect(service.stored == [])
        #expect(FileManager.default.fileExists(atPath: drop.path + "/bad.safetensors"))
        try drop.write("bad.safetensors", try Samples.data(Samples.plain))
        try wait(for: "bad.safetensors", "added")
    }

    @Test func `a PEFT folder is one adapter`() throws {
        let drop = try Scratch()
        let service = try Self.service(["stories": Samples.llama], drop)
        try FileManager.default.copyItem(atPath: Samples.shakespeare, toPath: drop.path + "/shakespeare")
        try wait(for: "shakespeare", "added", of: service)
        #expect(try service.get("/v1/adapters/shakespeare?effects=false").json["format"] == "peft")
    }

    @Test func `a name that is none is made one, and two files do not get the same`() throws {
        try drop.write("my ink!.safetensors", try Samples.data(Samples.plain))
        #expect(try wait(for: "my ink!.safetensors", "added")["name"] == "my-ink-")
        try drop.write("my-ink-.safetensors", try Samples.other())
        #expect(try wait(for: "my-ink-.safetensors", "refused")["problem"]?["code"] == "name_clash")
        try drop.write("ä.safetensors", try Samples.data(Samples.plain))
        #expect(try wait(for: "ä.safetensors", "refused")["problem"]?["code"] == "invalid_name")
        #expect(try service.digest("my-ink-") == Samples.sha256(try Samples.data(Samples.plain)))
    }

    @Test func `no link leads out of the folder`() throws {
        let files = FileManager.default
        try files.createSymbolicLink(atPath: drop.path + "/link.safetensors", withDestinationPath: Samples.plain)
        try files.createSymbolicLink(atPath: drop.path + "/folder", withDestinationPath: Samples.shakespeare)
        try files.createDirectory(atPath: drop.path + "/inner", withIntermediateDirectories: true)
        try files.createSymbolicLink(
            atPath: drop.path + "/inner/adapter_model.safetensors", withDestinationPath: Samples.plain)
        for path in ["link.safetensors", "folder", "inner"] {
            #expect(try wait(for: path, "refused")["problem"]?["code"] == "not_a_file", "\(path)")
        }
        #expect(try service.get("/v1/adapters").json["data"]?.array?.isEmpty == true)
    }

    @Test func `what was done to a name since is not undone by a restart`() throws {
        try drop.write("ink.safetensors", try Samples.data(Samples.plain))
        try drop.write("gone.safetensors", try Samples.data(Samples.plain))
        try wait(for: "ink.safetensors", "added")
        try wait(for: "gone.safetensors", "added")
        #expect(try service.put("ink", try Samples.other()).status == 200)
        #expect(try service.delete("/v1/adapters/gone").status == 204)
        try service.crash()
        try wait(for: "ink.safetensors", "unchanged")
        try wait(for: "gone.safetensors", "unchanged")
        #expect(try service.digest("ink") == Samples.sha256(try Samples.other()))
        #expect(try service.get("/v1/adapters/gone").status == 404)
    }

    @Test func `a folder that is not there is told of, and taken up when it comes`() throws {
        let parent = try Scratch()
        let service = try Service(
            ["main": Samples.main],
            arguments: ["--set", "adapters.watch=\(parent.path)/later", "--set", "adapters.watch_interval=0.02"])
        try eventually("the fault is shown") { try service.get("/v1/watch").json["problem"]?["code"] == "system" }
        #expect(service.log.contains("watched folder cannot be read"))
        try FileManager.default.createDirectory(atPath: parent.path + "/later", withIntermediateDirectories: true)
        try parent.write("later/ink.safetensors", try Samples.data(Samples.plain))
        try wait(for: "ink.safetensors", "added", of: service)
        #expect(try service.get("/v1/watch").json["problem"] == .null)
    }

    @Test func `without a watched folder the list is empty`() throws {
        let list = try Service.main().get("/v1/watch").json
        #expect(list["folder"] == .null && list["data"] == [])
    }
}
