import Foundation
import Testing
import UmbelFormats

/// A data folder on a file system that is really full.
@Suite(.enabled(if: SmallDisk.isAvailable, "mounting a file system needs root"))
struct FullDiskTests {
    @Test func `a full disk is 507 with a line in the log, the old state stays, and it works again when there is room`()
        throws
    {
        let disk = try SmallDisk(kibibytes: 4096)
        let service = try Service(["main": Samples.main], arguments: ["--data", disk.path + "/data"])
        #expect(try service.put("ink", try Samples.data(Samples.plain)).status == 201)
        #expect(try service.put("ink", try Samples.other()).status == 200)
        let stored = disk.files
        let before = try service.get("/v1/adapters").json
        try disk.fill()
        let refused = [
            try service.put("new", try Samples.variation(1)), try service.put("ink", try Samples.variation(2)),
            try service.request(
                "POST", "/v1/blobs/sha256:\(Samples.sha256(try Samples.variation(3)))", body: try Samples.variation(3)),
        ]
        for answer in refused {
            #expect(answer.status == 507, "\(answer.text)")
            #expect(answer.codes == ["disk_full"])
        }
        let lines = service.log.split(separator: "\n").filter { $0.contains("disk_full") }
        #expect(lines.count == refused.count)
        #expect(lines.allSatisfy { $0.contains(" error ") && $0.contains(disk.path) && $0.contains("No space left") })
        #expect(try service.get("/v1/adapters").json == before)
        #expect(disk.files == stored)
        #expect(try service.file("main+ink").isEmpty == false)
        // A tag takes a few bytes, for which there may be room; it is there, or it is refused.
        let tag = try service.request("PUT", "/v1/adapters/ink/tags/prod", body: Data())
        #expect([201, 507].contains(tag.status), "\(tag.text)")
        let tags = try service.get("/v1/adapters/ink?effects=false").json["tags"]?.strings
        #expect(tags == (tag.status == 201 ? ["prod"] : []))
        try disk.makeRoom()
        #expect(try service.put("new", try Samples.variation(1)).status == 201)
        #expect(try service.stop() == 0)
        try service.start()
        #expect(try service.get("/v1/adapters").json["data"]?.array?.count == 2)
        #expect(try service.digest("ink") == Samples.sha256(try Samples.other()))
    }

    @Test func `what is on a full disk can be deleted, which makes room`() throws {
        let disk = try SmallDisk(kibibytes: 4096)
        let service = try Service(["main": Samples.main], arguments: ["--data", disk.path + "/data"])
        #expect(try service.put("ink", try Samples.data(Samples.plain)).status == 201)
        #expect(try service.put("pen", try Samples.other()).status == 201)
        try disk.fill()
        #expect(try service.put("new", try Samples.variation(1)).status == 507)
        #expect(try service.delete("/v1/adapters/ink").status == 204)
        #expect(try service.put("new", try Samples.variation(1)).status == 201)
        try service.crash()
        #expect(
            try service.get("/v1/adapters").json["data"]?.array?.compactMap { $0["name"]?.string } == ["new", "pen"])
    }
}

/// A small file system of its own, in memory, which goes with the value.
final class SmallDisk {
    let scratch: Scratch
    var path: String { scratch.path + "/disk" }

    static let isAvailable = (try? SmallDisk(kibibytes: 64)) != nil

    init(kibibytes: Int) throws {
        scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let arguments = ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", path]
        let result = try Program("/bin/mount", arguments, scratch: scratch).finish()
        guard result.status == 0 else { throw HarnessFailure(result.errors) }
    }

    deinit { _ = try? Program("/bin/umount", ["--lazy", path], scratch: scratch).finish() }

    /// Takes all the room there is.
    func fill() throws {
        let file = try #require(fopen(path + "/filling", "w"))
        defer { fclose(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        setvbuf(file, nil, _IONBF, 0)
        while fwrite(block, 1, block.count, file) == block.count {}
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: path + "/filling") }

    /// What lies below `blobs/` and `uploads/`.
    var files: [String] {
        ["blobs", "uploads"].flatMap { scratch.files(below: "disk/data/" + $0) }
    }
}
