import Foundation
import Testing
import UmbelFormats

/// `umbel push`, `list`, `rm`, `tag` and `rollback` against the real service.
@Suite struct ClientCommandTests {
    private let scratch: Scratch
    private let service: Service

    init() throws {
        scratch = try Scratch()
        service = try Service.main()
    }

    // MARK: push

    @Test func `push uploads an adapter under the file's name, and the second time no bytes`() throws {
        let path = try scratch.write("ink.safetensors", try Samples.data(Samples.plain))
        let first = try run("push", path)
        #expect(first.status == 0, "\(first.errors)")
        let digest = Samples.sha256(try Samples.data(Samples.plain))
        for part in ["uploaded", "ink", digest, "generation 1", "main: 1 of 1 modules"] {
            #expect(first.text.contains(part), "\(part): \(first.text)")
        }
        #expect(try service.digest("ink") == digest)
        #expect(try service.get("/v1/adapters/ink/content").body == Samples.data(Samples.plain))
        let second = try run("push", path)
        #expect(second.status == 0)
        #expect(second.text.contains("already there") && !second.text.contains("uploaded"), "\(second.text)")
        // Another name for the same bytes needs none of them either.
        let other = try run("push", path, "--name", "other", "--json")
        #expect(other.status == 0)
        let report = try JSON(parsing: Array(other.output))["adapters"]?[0]
        #expect(report?["files"]?[0]?["uploaded"] == false)
        #expect(report?["adapter"]?["name"] == "other")
        #expect(try service.digest("other") == digest)
    }

    @Test func `push takes a PEFT folder, by itself or by its tensor file, as a form upload would`() throws {
        let service = try Service(["llama": Samples.llama])
        let folder = scratch.path + "/shakespeare"
        try FileManager.default.copyItem(atPath: Samples.shakespeare, toPath: folder)
        let byFolder = try run("push", folder + "/", service: service)
        #expect(byFolder.status == 0, "\(byFolder.errors)")
        #expect(byFolder.text.components(separatedBy: "uploaded").count == 3, "\(byFolder.text)")
        let byFile = try run("push", folder + "/adapter_model.safetensors", service: service)
        #expect(byFile.status == 0, "\(byFile.errors)")
        #expect(!byFile.text.contains("uploaded"), "\(byFile.text)")
        var form = Form()
        form.add("file", fileName: "adapter_model.safetensors", try Samples.data(folder + "/adapter_model.safetensors"))
        form.add("config", try Samples.data(folder + "/adapter_config.json"))
        let upload = try service.request(
            "PUT", "/v1/adapters/form", ["Content-Type": form.contentType], body: form.body)
        #expect(upload.status == 201)
        #expect(try service.digest("shakespeare") == service.digest("form"))
        // A path like this has no name of its own.
        #expect(try run("push", "shakespeare/.", service: service).status == 0)
        #expect(try names(service) == ["form", "shakespeare"])
    }

    @Test func `push shows every key that finds no place, and stores nothing; allowed, it does`() throws {
        let refused = try run("push", Samples.partial)
        #expect(refused.status == 3)
        #expect(refused.errors.contains("lycoris_enc_blocks_0_attn_to_q.lora_sideways"), "\(refused.errors)")
        #expect(try names(service).isEmpty)
        let allowed = try run("push", Samples.partial, "--allow-unmatched")
        #expect(allowed.status == 0, "\(allowed.errors)")
        #expect(try names(service) == ["unknown_key"])
    }

    @Test func `push refuses what is no adapter before a byte is sent`() throws {
        for path in [Samples.root + "/README.md", scratch.path + "/missing", Samples.damaged("nothing.safetensors")] {
            let result = try run("push", path)
            #expect(result.status == 3, "\(path): \(result.errors)")
            #expect(result.errors.contains(path), "\(result.errors)")
        }
        let pickle = try scratch.write("old.pt", Data("x".utf8))
        #expect(try run("push", pickle).status == 3)
        #expect(service.stored.allSatisfy { !$0.hasPrefix("blobs/") }, "\(service.stored)")
    }

    @Test func `push tries every path and ends with the highest exit code`() throws {
        let other = try scratch.write("other.safetensors", try Samples.other())
        let result = try run("push", Samples.partial, other, Samples.plain, "--json")
        #expect(result.status == 3)
        let reports = try JSON(parsing: Array(result.output))["adapters"]?.array ?? []
        #expect(reports.map { $0["adapter"]?["name"]?.string } == [nil, "other", "ok_plain"])
        #expect(reports.map { $0["error"] == nil } == [false, true, true])
        #expect(reports[0]["error"]?["errors"]?.array?.isEmpty == false)
        #expect(try names(service) == ["ok_plain", "other"])
    }

    @Test func `push can be told what the name must point to`() throws {
        #expect(try run("push", Samples.plain, "--name", "ink", "--no-overwrite").status == 0)
        let plain = try service.digest("ink")
        let other = try scratch.write("other.safetensors", try Samples.other())
        for condition in [["--no-overwrite"], ["--if-match", String(repeating: "0", count: 64)]] {
            let result = try run(["push", other, "--name", "ink"] + condition)
            #expect(result.status == 3)
            #expect(result.errors.contains(plain), "\(result.errors)")
            #expect(try service.digest("ink") == plain)
        }
        let result = try run("push", other, "--name", "ink", "--if-match", "sha256:" + plain)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try service.digest("ink") != plain)
    }

    @Test func `push hands the settings on`() throws {
        let result = try run("push", Samples.plain, "--name", "ink", "--base", "none", "--prefix", "lora_te=enc")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try service.get("/v1/adapters/ink").json["prefixes"] == ["lora_te=enc"])
        let unknown = try run("push", Samples.plain, "--name", "ink", "--base", "elsewhere")
        #expect(unknown.status == 3)
        #expect(unknown.errors.contains("elsewhere"), "\(unknown.errors)")
    }

    // MARK: list, labels, tags

    @Test func `list shows all adapters, over as many pages as there are`() throws {
        for number in 100..<160 { #expect(try service.put("ink\(number)", Samples.plain).status == 201) }
        let table = try run("list")
        #expect(table.status == 0)
        let lines = table.text.split(separator: "\n")
        #expect(lines.count == 61)
        #expect(lines.first?.split(separator: " ").first == "NAME")
        let digest = try service.digest("ink100").prefix(12)
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("ink1") && $0.contains(digest) && $0.contains("lora 1") })
        let list = try JSON(parsing: Array(run("list", "--json").output))["data"]?.array
        #expect(list?.compactMap { $0["name"]?.string } == (100..<160).map { "ink\($0)" })
    }

    @Test func `labels are given with push and filter the list`() throws {
        #expect(try run("push", Samples.plain, "--name", "a", "--label", "team:x", "--label", "kind:ink").status == 0)
        #expect(try run("push", Samples.plain, "--name", "b", "--label", "team:y").status == 0)
        #expect(try run("push", Samples.plain, "--name", "c").status == 0)
        func names(_ labels: String...) throws -> [String] {
            let result = try run(["list", "--json"] + labels.flatMap { ["--label", $0] })
            let data = try JSON(parsing: Array(result.output))["data"]?.array ?? []
            return data.compactMap { $0["name"]?.string }
        }
        #expect(try names() == ["a", "b", "c"])
        #expect(try names("team:x") == ["a"])
        #expect(try names("team:x", "kind:ink") == ["a"])
        #expect(try names("team:y", "kind:ink") == [])
        #expect(try run("list").text.contains("team:y"))
    }

    @Test func `tags are set with push or by themselves, listed and removed`() throws {
        #expect(try run("push", Samples.plain, "--name", "ink", "--tag", "prod").status == 0)
        let plain = try service.digest("ink")
        let other = try scratch.write("other.safetensors", try Samples.other())
        #expect(try run("push", other, "--name", "ink").status == 0)
        #expect(try run("tag", "ink", "next").status == 0)
        let list = try run("tag", "ink")
        #expect(list.status == 0)
        let lines = list.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let next = try service.digest("ink").prefix(12)
        #expect(Set(lines) == [["prod", String(plain.prefix(12))], ["next", String(next)]])
        #expect(try service.file("main+ink@prod") != service.file("main+ink@next"))
        #expect(try run("list").text.contains("prod"))
        #expect(try run("tag", "ink", "next", "--digest", String(plain.prefix(16))).status == 0)
        #expect(try service.file("main+ink@prod") == service.file("main+ink@next"))
        #expect(try run("tag", "ink", "--delete", "prod").status == 0)
        let left = try JSON(parsing: Array(run("tag", "ink", "--json").output))["data"]?.array
        #expect(left?.compactMap { $0["tag"]?.string } == ["next"])
        #expect(try run("tag", "ink", "--delete", "prod").status == 3)
        #expect(try run("tag", "nobody", "prod").status == 3)
        #expect(try run("tag", "ink", "abc").status == 3)
    }

    // MARK: rm, rollback

    @Test func `rm removes names, all that it can`() throws {
        for name in ["a", "b", "c"] { #expect(try service.put(name, Samples.plain).status == 201) }
        #expect(try run("rm", "a", "--if-match", String(repeating: "0", count: 64)).status == 3)
        let result = try run("rm", "a", "nobody", "b")
        #expect(result.status == 3)
        #expect(result.text == "removed a\nremoved b\n")
        #expect(result.errors.contains("nobody"))
        #expect(try run("rm", "c", "--if-match", try service.digest("c")).status == 0)
        #expect(try names(service).isEmpty)
    }

    @Test func `rollback undoes a re-point, and can be undone`() throws {
        let other = try scratch.write("other.safetensors", try Samples.other())
        #expect(try run("push", Samples.plain, "--name", "ink").status == 0)
        let plain = try service.digest("ink")
        #expect(try run("rollback", "ink").status == 3)
        #expect(try run("push", other, "--name", "ink").status == 0)
        let changed = try service.digest("ink")
        #expect(changed != plain)
        let back = try run("rollback", "ink")
        #expect(back.status == 0, "\(back.errors)")
        #expect(back.text.contains(plain.prefix(12)) && back.text.contains("generation 3"), "\(back.text)")
        #expect(try service.digest("ink") == plain)
        #expect(try run("rollback", "ink", "--to", "2").status == 0)
        #expect(try service.digest("ink") == changed)
        #expect(try run("rollback", "ink", "--to", "sha256:" + plain, "--if-match", changed).status == 0)
        #expect(try service.digest("ink") == plain)
        #expect(try run("rollback", "ink", "--if-match", changed).status == 3)
        #expect(try run("rollback", "ink", "--to", "99").status == 3)
    }

    // MARK: Server and usage

    @Test func `the flag comes before the variable`() throws {
        let nobody = ["UMBEL_URL": "http://127.0.0.1:1"]
        #expect(try umbel("list", environment: nobody, in: scratch).status == 1)
        #expect(try umbel("list", "--url", service.url, environment: nobody, in: scratch).status == 0)
        #expect(try umbel("list", environment: ["UMBEL_URL": service.url + "/"], in: scratch).status == 0)
    }

    @Test(arguments: [
        ["list"], ["rm", "ink"], ["tag", "ink"], ["tag", "ink", "prod"], ["rollback", "ink"], ["push", Samples.plain],
    ])
    func `a server that is not there is exit code 1, and is named`(arguments: [String]) throws {
        let result = try Program(Programs.umbel, arguments + ["--url", "http://127.0.0.1:1"], scratch: scratch).finish()
        #expect(result.status == 1)
        #expect(result.errors.contains("http://127.0.0.1:1"), "\(result.errors)")
        #expect(result.text.isEmpty)
    }

    @Test(arguments: [
        ["list", "--url", "ftp://example.org"], ["list", "--url", "127.0.0.1:8080"], ["list", "--label", "x"],
        ["push"], ["push", "a", "b", "--name", "c"], ["push", "a/x.safetensors", "b/x.safetensors"],
        ["push", "a", "b", "--if-match", "00"], ["push", "a", "--if-match", "00", "--no-overwrite"],
        ["push", "a", "--prefix", "x"], ["push", "a", "--if-match", "word"], ["rm"],
        ["rm", "a", "b", "--if-match", "00"],
        ["tag"], ["tag", "a", "b", "--delete", "c"], ["tag", "a", "--digest", "00"], ["rollback"],
        ["rollback", "a", "--to", "what"], ["list", "--url", "http://me:secret@127.0.0.1:1"],
    ])
    func `wrong usage is exit code 2`(arguments: [String]) throws {
        let result = try Program(Programs.umbel, arguments, scratch: scratch).finish()
        #expect(result.status == 2, "\(arguments): \(result.errors)")
        #expect(!result.errors.isEmpty && !result.errors.contains("secret"))
        #expect(result.text.isEmpty)
    }

    @Test func `a token that no header can hold is wrong usage, and is not shown`() throws {
        let environment = ["UMBEL_URL": service.url, "UMBEL_TOKEN": "s3cret\nX: y"]
        let result = try umbel("list", environment: environment, in: scratch)
        #expect(result.status == 2)
        #expect(result.errors.contains("UMBEL_TOKEN") && !result.errors.contains("s3cret"))
        let fine = ["UMBEL_URL": service.url, "UMBEL_TOKEN": "s3cret"]
        #expect(try umbel("list", environment: fine, in: scratch).status == 0)
    }

    // MARK: Help

    private func run(_ arguments: String..., service: Service? = nil) throws -> Program.Result {
        try run(arguments, service: service)
    }

    private func run(_ arguments: [String], service: Service? = nil) throws -> Program.Result {
        let environment = ["UMBEL_URL": (service ?? self.service).url]
        return try Program(Programs.umbel, arguments, environment: environment, scratch: scratch).finish()
    }

    private func names(_ service: Service) throws -> [String] {
        try service.get("/v1/adapters").json["data"]?.array?.compactMap { $0["name"]?.string } ?? []
    }
}
