import Foundation
import Testing

/// Flag over environment over file over default, and nothing misspelt.
@Suite struct SettingsTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func serve(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Program.Result {
        let all = ["serve", "--listen", "127.0.0.1:0", "--data", scratch.path + "/data"] + arguments
        return try Program(Programs.umbel, all, environment: environment, scratch: scratch).finish()
    }

    @Test(arguments: [
        ("server:\n  lissten: 127.0.0.1:1\n", "server.lissten", "server.listen"),
        ("adapters:\n  upload_byte: 5\n", "adapters.upload_byte", "adapters.upload_bytes"),
        ("basess:\n  a: b\n", "basess.a", "bases"),
    ])
    func `an unknown setting in the file stops the start and the nearest one is named`(
        text: String, unknown: String, nearest: String
    ) throws {
        let file = try scratch.write("umbel.yaml", Data(text.utf8))
        let result = try serve(["--config", file])
        #expect(result.status == 2)
        #expect(result.errors.contains("“\(unknown)”"), "\(result.errors)")
        #expect(result.errors.contains("“\(nearest)”"), "\(result.errors)")
    }

    @Test func `an unknown variable and an unknown flag setting stop the start too`() throws {
        let variable = try serve([], environment: ["UMBEL_SERVER_LISTN": "127.0.0.1:1"])
        #expect(variable.status == 2)
        #expect(variable.errors.contains("UMBEL_SERVER_LISTEN"), "\(variable.errors)")
        let flag = try serve(["--set", "cache.byte=1"])
        #expect(flag.status == 2)
        #expect(flag.errors.contains("cache.bytes"), "\(flag.errors)")
    }

    @Test(arguments: [
        "server:\n  listen: nowhere\n", "cache:\n  bytes: many\n", "compute:\n  threads: 0\n", "log:\n  level: loud\n",
        "- a\n- list\n", "server: [\n", "server:\n  grace_seconds: -1\n", "bases: 5\n",
    ])
    func `a value that is none stops the start with a sentence`(text: String) throws {
        let file = try scratch.write("umbel.yaml", Data(text.utf8))
        let all = ["serve", "--config", file]
        let result = try Program(Programs.umbel, all, scratch: scratch).finish()
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix("umbel: "), "\(result.errors)")
    }

    @Test func `flags win over the environment, and the environment over the file`() throws {
        let text = "adapters:\n  upload_bytes: 10\nbases:\n  main: \(Samples.main)\n"
        let file = try scratch.write("umbel.yaml", Data(text.utf8))
        let variable = ["UMBEL_ADAPTERS_UPLOAD_BYTES": "20"]
        func limit(_ service: Service) throws -> String { try service.put("ink", Samples.plain).text }
        let plain = try Service([:], arguments: ["--config", file])
        #expect(try limit(plain).contains("10 bytes"))
        let changed = try Service([:], arguments: ["--config", file], environment: variable)
        #expect(try limit(changed).contains("20 bytes"))
        let flagged = try Service(
            [:], arguments: ["--config", file, "--set", "adapters.upload_bytes=30"], environment: variable)
        #expect(try limit(flagged).contains("30 bytes"))
        #expect(try flagged.get("/readyz").json["bases"]?.strings == ["main"])
    }

    @Test func `a base that is none ends the start with 3 and says why`() throws {
        let pickle = try scratch.write("model.bin", Data([0x80, 0x02]))
        let renamed = try scratch.write(
            "model.safetensors", try Samples.data(Samples.damaged("pickle_zip.safetensors")))
        let missing = scratch.path + "/nothing.safetensors"
        for (path, words) in [
            (pickle, "pickle"), (renamed, "pickle"), (Samples.damaged("base_header_only.safetensors"), "no tensors"),
            (Samples.shakespeare, "adapter"),
            (missing, "No such file"), (Samples.damaged("offsets_overlap.safetensors"), "share bytes"),
        ] {
            let result = try serve(["--base", "bad=\(path)"])
            #expect(result.status == 3, "\(path): \(result.errors)")
            #expect(result.errors.contains(words), "\(path): \(result.errors)")
            #expect(!result.text.contains("listening"))
        }
    }

    @Test func `a name that is none, a name given twice and a base without a name are usage errors`() throws {
        #expect(try serve(["--base", "a b=\(Samples.main)"]).status == 2)
        #expect(try serve(["--base", "a=\(Samples.main)", "--base", "a=\(Samples.main)"]).status == 2)
        #expect(try serve(["--base", Samples.main]).status == 2)
    }

    @Test func `a data folder that another service uses is a failure with a sentence, and is left alone`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let folder = service.scratch.path + "/data"
        let result = try serve(["--base", "main=\(Samples.main)", "--data", folder])
        #expect(result.status == 1)
        #expect(result.errors.contains("another umbel is using it"), "\(result.errors)")
        #expect(try service.get("/v1/adapters/ink/content").body == (try Samples.data(Samples.plain)))
    }

    @Test func `a port that is taken is a failure with a sentence`() throws {
        let service = try Service.main()
        let all = ["serve", "--listen", "127.0.0.1:\(service.port)", "--data", scratch.path + "/data"]
        let result = try Program(Programs.umbel, all, scratch: scratch).finish()
        #expect(result.status == 1)
        #expect(result.errors.contains("cannot listen"), "\(result.errors)")
    }
}
