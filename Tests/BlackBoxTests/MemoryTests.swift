import Foundation
import Testing
import UmbelFormats

/// What the service says that it holds, against what the kernel says.
@Suite struct MemoryTests {
    private func memory(_ service: Service) throws -> JSON {
        try #require(try service.get("/v1/variants").json["memory"])
    }

    private func own(_ memory: JSON) -> Int {
        ["merged", "lent", "deltas", "adapters", "layers", "spare"].reduce(0) { $0 + (memory[$1]?.integer ?? 0) }
    }

    @Test func `the sum of what is reported is what the process holds`() throws {
        let model = GeneratedModel(layers: 60, side: 1536)  // 283 MB
        let scratch = try Scratch()
        let path = scratch.path + "/large.safetensors"
        try model.writeBase(to: path)
        let service = try Service(["large": path], arguments: ["--set", "cache.bytes=4000000000"])
        for seed in 0..<2 {
            let adapter = scratch.path + "/adapter.safetensors"
            try model.writeAdapter(rank: 32, seed: seed, to: adapter)
            #expect(try service.put("a\(seed)", adapter).status == 201)
        }
        // Answered when the base has been read.
        #expect(try service.request("HEAD", "/v1/models/large/files/large.safetensors").status == 200)
        // The program itself, before anything is merged.
        let start = try memory(service)
        let program = try service.status("RssAnon") - own(start)
        #expect(program < 64 << 20, "\(program) bytes that no figure tells of")
        #expect(start["shared"]?.integer.map { abs($0 - model.bytes) < 1 << 16 } == true)
        let mapped = try service.status("RssFile")
        // The program's own pages are among them.
        #expect(mapped > model.bytes * 98 / 100 && mapped < model.bytes + (128 << 20), "\(mapped) bytes of files")

        func agree(_ when: String) throws {
            let memory = try memory(service)
            let (said, held) = (own(memory) + program, try service.status("RssAnon"))
            #expect(
                abs(said - held) < max(held * 3 / 100, 8 << 20), "\(when): \(said) said, \(held) held, \(memory.text)")
            #expect(try service.status("RssFile") >= model.bytes * 98 / 100)
        }
        var ids: [String] = []
        for reference in ["large+a0", "large+a1:0.5", "large+a0:0.3"] {
            let made = try service.post("/v1/variants", #"{"model": "\#(reference)"}"#)
            #expect(made.status == 201, "\(made.text)")
            #expect(try made.json["bytes"]?["merged"]?.integer == model.bytes)
            ids.append(try made.json["id"]?.string ?? "")
            try agree("with \(ids.count) variants")
        }
        let full = try memory(service)
        #expect(full["merged"]?.integer == 3 * model.bytes)
        #expect((full["deltas"]?.integer ?? 0) == 2 * model.bytes, "f32 of the adapter that came at two strengths")
        #expect((full["adapters"]?.integer ?? 0) == 2 * model.layers * 2 * 32 * model.side * 4)
        for id in ids {
            #expect(try service.delete("/v1/variants/\(id)").status == 204)
            try agree("without \(id)")
        }
        let end = try memory(service)
        #expect(end["merged"]?.integer == 0 && end["lent"]?.integer == 0)
        // The budget has room for all of it, so the next variants find their memory there.
        #expect((end["spare"]?.integer ?? 0) >= 3 * model.bytes)
    }

    @Test func `memory that no merge used for a time goes back to the system`() throws {
        let model = GeneratedModel(layers: 50, side: 1536)  // 236 MB
        let scratch = try Scratch()
        let path = scratch.path + "/base.safetensors"
        try model.writeBase(to: path)
        let service = try Service(
            ["base": path], arguments: ["--set", "cache.bytes=1000000000", "--set", "cache.spare_seconds=1"])
        let adapter = scratch.path + "/adapter.safetensors"
        try model.writeAdapter(rank: 4, seed: 1, to: adapter)
        #expect(try service.put("a", adapter).status == 201)
        let made = try service.post("/v1/variants", #"{"model": "base+a"}"#)
        #expect(made.status == 201)
        let full = try service.status("RssAnon")
        #expect(try service.delete(made["location"] ?? "").status == 204)
        try eventually("the memory is given back") { try service.status("RssAnon") < full - model.bytes * 9 / 10 }
        #expect((try memory(service)["spare"]?.integer ?? .max) <= 32 << 20)
        // Nothing else went with it.
        #expect(try service.post("/v1/variants", #"{"model": "base+a"}"#).status == 201)
    }

    @Test func `memory is made ready at the start if it is asked for, within the cache's budget`() throws {
        let service = try Service(
            ["main": Samples.main],
            arguments: ["--set", "cache.bytes=300000000", "--set", "cache.prefault=250000000"])
        try eventually("it is there") { try (memory(service)["spare"]?.integer ?? 0) >= 249_000_000 }
        let spare = try memory(service)["spare"]?.integer ?? 0
        #expect(spare < 260_000_000)
        #expect(try service.status("RssAnon") >= spare)
    }

    @Test func `what is pushed out is the memory of what comes next`() throws {
        let model = GeneratedModel(layers: 40, side: 1024)  // 84 MB
        let scratch = try Scratch()
        let path = scratch.path + "/base.safetensors"
        try model.writeBase(to: path)
        // Room for two variants.
        let service = try Service(
            ["base": path], arguments: ["--set", "cache.bytes=\(2 * model.bytes + 1024)", "--set", "cache.deltas=0"])
        let adapter = scratch.path + "/adapter.safetensors"
        try model.writeAdapter(rank: 4, seed: 1, to: adapter)
        #expect(try service.put("a", adapter).status == 201)
        let program = try service.status("RssAnon") - own(try memory(service))
        var faults = 0
        for step in 1...8 {
            // The first two fill the budget; each of the others takes the place of one.
            if step == 5 { faults = try service.pageFaults }
            #expect(try service.post("/v1/variants", #"{"model": "base+a:0.\#(step)"}"#).status == 201)
            let memory = try memory(service)
            let (said, held) = (own(memory) + program, try service.status("RssAnon"))
            #expect(abs(said - held) < max(held * 4 / 100, 8 << 20), "\(step): \(said) said, \(held) held")
            #expect((memory["merged"]?.integer ?? .max) <= 2 * model.bytes)
            #expect(own(memory) <= 2 * model.bytes + (128 << 20) + (8 << 20), "the budget and what is kept beside it")
        }
        // Four variants of 20,480 pages each, in memory that those before them left.
        let since = try service.pageFaults - faults
        #expect(since < 8_000, "\(since) pages were touched for the first time")
        let counters = try #require(try service.get("/v1/variants").json["counters"])
        #expect(counters["evictions"]?.integer == 6)
        #expect(counters["running"]?.integer == 0 && counters["waiting"]?.integer == 0)
    }
}
