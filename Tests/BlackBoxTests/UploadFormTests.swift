import Foundation
import Testing
import UmbelFormats

/// Uploads as forms, the way curl and browsers send them.
@Suite struct UploadFormTests {
    private func post(_ form: Form, to service: Service, _ query: String = "") throws -> Answer {
        try service.request("POST", "/v1/adapters\(query)", ["Content-Type": form.contentType], body: form.body)
    }

    @Test(.enabled(if: Programs.hasCurl, "curl is missing"))
    func `curl posts a name and a file`() throws {
        let service = try Service.main()
        let made = try curl(
            "-D", "head", "-F", "name=ink", "-F", "file=@" + Samples.plain, service.url + "/v1/adapters",
            in: service.scratch)
        let head = String(decoding: try service.scratch.read("head"), as: UTF8.self)
        #expect(head.contains("201 Created"), "\(made.text)")
        #expect(head.contains("Location: /v1/adapters/ink\r\n"))
        #expect(try service.get("/v1/adapters/ink/content").body == (try Samples.data(Samples.plain)))
    }

    @Test(.enabled(if: Programs.hasCurl, "curl is missing"))
    func `curl puts a file, small or announced with Expect, by name or from a pipe`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        let url = service.url + "/v1/adapters/"
        for (name, options) in [
            ("a", ["-T", Samples.outline]), ("b", ["-T", Samples.outline, "-H", "Expect: 100-continue"]),
            ("c", ["-T", Samples.outline, "-H", "Transfer-Encoding: chunked"]),
            ("d", ["-X", "PUT", "--data-binary", "@" + Samples.outline]),
            ("e", ["-X", "PUT", "-F", "file=@" + Samples.outline]),
        ] {
            let program = try Program(
                try #require(Programs.curl), ["-sS", "-o", "answer", "-w", "%{http_code}"] + options + [url + name],
                scratch: service.scratch)
            #expect(try program.finish().text == "201", "\(name)")
        }
        let digests = try Set(["a", "b", "c", "d", "e"].map { try service.digest($0) })
        #expect(digests == [Samples.sha256(try Samples.data(Samples.outline))])
    }

    @Test func `without a name the file's own is taken, without its folders and its ending`() throws {
        let service = try Service.main()
        for fileName in ["ink.safetensors", "../../ink.safetensors", "/etc/ink.safetensors"] {
            var form = Form()
            form.add("file", fileName: fileName, try Samples.data(Samples.plain))
            let answer = try post(form, to: service)
            #expect([200, 201].contains(answer.status), "\(fileName): \(answer.text)")
            #expect(answer["location"] == "/v1/adapters/ink", "\(fileName)")
        }
    }

    @Test func `a PEFT adapter is two files in one form, whatever the fields are called`() throws {
        let service = try Service(["llama": Samples.llama])
        let tensors = try Samples.data(Samples.shakespeare + "/adapter_model.safetensors")
        let settings = try Samples.data(Samples.shakespeare + "/adapter_config.json")
        var digests: Set<String> = []
        for (index, fields) in [
            ("file", "adapter_model.safetensors", "file", "adapter_config.json"),
            ("weights", "adapter_model.safetensors", "config", "settings.json"),
            ("file", "other.safetensors", "adapter_config.json", "blob"),
        ].enumerated() {
            for isConfigFirst in [false, true] {
                var form = Form()
                let name = "peft-\(index)-\(isConfigFirst)"
                form.add("name", Data(name.utf8))
                if isConfigFirst { form.add(fields.2, fileName: fields.3, settings) }
                form.add(fields.0, fileName: fields.1, tensors)
                if !isConfigFirst { form.add(fields.2, fileName: fields.3, settings) }
                let answer = try post(form, to: service)
                #expect(answer.status == 201, "\(fields): \(answer.text)")
                #expect(try answer.json["format"] == "peft")
                digests.insert(try service.digest(name))
            }
        }
        #expect(digests.count == 1)
        #expect(try service.get("/v1/adapters/peft-0-true/content").body == tensors)
    }

    @Test func `a form that is not one adapter is refused and leaves nothing`() throws {
        let service = try Service.main()
        let plain = try Samples.data(Samples.plain)
        let junk = Data("hello".utf8)
        let cases: [(name: String, status: Int, code: String, fill: (inout Form) -> Void)] = [
            ("no file", 400, "missing_file", { $0.add("name", Data("x".utf8)) }),
            (
                "two files", 400, "invalid_field",
                {
                    $0.add("file", fileName: "a.safetensors", plain)
                    $0.add("file", fileName: "b.safetensors", plain)
                }
            ),
            (
                "a file that is neither", 400, "invalid_field",
                {
                    $0.add("file", fileName: "a.safetensors", plain)
                    $0.add("readme", fileName: "README.md", junk)
                }
            ),
            ("a pickle", 415, "not_safetensors", { $0.add("file", fileName: "adapter_model.bin", plain) }),
            ("junk", 400, "header_truncated", { $0.add("file", fileName: "a.safetensors", junk) }),
            (
                "settings that are no JSON", 400, "config_malformed",
                {
                    $0.add("file", fileName: "a.safetensors", plain)
                    $0.add("config", fileName: "adapter_config.json", junk)
                }
            ),
            (
                "a name that is none", 400, "invalid_name",
                {
                    $0.add("name", Data("../x".utf8))
                    $0.add("file", fileName: "a.safetensors", plain)
                }
            ),
        ]
        for item in cases {
            var form = Form()
            item.fill(&form)
            let answer = try post(form, to: service)
            #expect(answer.status == item.status, "\(item.name): \(answer.text)")
            #expect(answer.codes.contains(item.code), "\(item.name): \(answer.text)")
        }
        #expect(try service.post("/v1/adapters", "{}", ["Content-Type": "text/plain"]).status == 415)
        #expect(try service.post("/v1/adapters", "x", ["Content-Type": "multipart/form-data"]).status == 400)
        var cut = Form()
        cut.add("file", fileName: "a.safetensors", plain)
        let halved = try service.request(
            "POST", "/v1/adapters", ["Content-Type": cut.contentType], body: cut.body.dropLast(30))
        #expect(halved.status == 400)
        #expect(service.stored == [])
    }
}
