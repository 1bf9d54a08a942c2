import Foundation
import Testing
import UmbelFormats

/// The command line as a person and as a script use it.
@Suite struct CommandLineTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `help and version are on standard output with exit code 0`() throws {
        let help = try umbel("--help", in: scratch)
        #expect(help.status == 0)
        let commands = [
            "serve", "merge", "draw", "check", "inspect", "push", "list", "rm", "tag", "rollback", "selftest",
        ]
        for command in commands { #expect(help.text.contains(command)) }
        for command in commands {
            let help = try umbel(command, "--help", in: scratch)
            #expect(help.status == 0)
            #expect(help.text.contains("USAGE: umbel \(command)"), "\(help.text)")
        }
        #expect(try umbel("--version", in: scratch).status == 0)
        #expect(try umbel("--generate-completion-script", "bash", in: scratch).text.contains("umbel"))
    }

    @Test func `every kernel set gives the bytes that it must, and one that is forced is used`() throws {
        let test = try umbel("selftest", "--json", in: scratch)
        #expect(test.status == 0, "\(test.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: test.output) as? [String: Any])
        let sets = try #require(document["sets"] as? [[String: Any]])
        let names = Set(sets.compactMap { $0["kernels"] as? String })
        #expect(names.contains("plain"))
        let ink = Samples.plain + ":0.8"
        var merged: Set<Data> = []
        for name in names {
            let environment = ["UMBEL_KERNELS": name]
            let forced = try umbel("selftest", "--json", environment: environment, in: scratch)
            let kernels = try JSONSerialization.jsonObject(with: forced.output) as? [String: Any]
            #expect(kernels?["kernels"] as? String == name)
            for threads in ["1", "2"] {
                let merge = try umbel(
                    "merge", "--base", Samples.main, "--adapter", ink, "--threads", threads, "--out",
                    "\(name)-\(threads)", environment: environment, in: scratch)
                #expect(merge.status == 0, "\(merge.errors)")
                merged.insert(try scratch.read("\(name)-\(threads)"))
            }
        }
        #expect(merged.count == 1, "one file, whatever the set and the threads")
        let unknown = try umbel("selftest", environment: ["UMBEL_KERNELS": "abacus"], in: scratch)
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("abacus") && unknown.errors.contains("plain"), "\(unknown.errors)")
    }

    @Test func `a kernel set that is empty is as if none were asked for`() throws {
        let test = try umbel("selftest", "--json", in: scratch)
        let empty = try umbel("selftest", "--json", environment: ["UMBEL_KERNELS": ""], in: scratch)
        #expect(empty.status == 0, "\(empty.errors)")
        #expect(try JSON(parsing: Array(empty.output))["kernels"] == JSON(parsing: Array(test.output))["kernels"])
    }

    @Test func `wrong usage is exit code 2 with words on standard error`() throws {
        for arguments in [
            ["nonsense"], ["merge"], ["merge", "--base"], ["check"], ["serve", "--port", "1"],
            ["merge", "--base", Samples.main, "--out", "x", "--dtype", "f8"],
            ["merge", "--base", Samples.main, "--out", "x", "--threads", "0"],
            ["merge", "--base", Samples.main, "--adapter", Samples.plain, "--out", "x", "--prefix", "nothing"],
        ] {
            let result = try Program(Programs.umbel, arguments, scratch: scratch).finish()
            #expect(result.status == 2, "\(arguments): \(result.errors)")
            #expect(!result.errors.isEmpty)
            #expect(result.text.isEmpty)
        }
    }

    @Test func `input that is missing or bad is exit code 3, output that cannot be written 1`() throws {
        let missing = scratch.path + "/missing.safetensors"
        #expect(try umbel("merge", "--base", missing, "--out", "x", in: scratch).status == 3)
        let adapter = try umbel("merge", "--base", Samples.main, "--adapter", missing, "--out", "x", in: scratch)
        #expect(adapter.status == 3)
        #expect(adapter.errors.contains(missing), "\(adapter.errors)")
        #expect(try umbel("inspect", missing, in: scratch).status == 3)
        let out = scratch.path + "/nowhere/x.safetensors"
        let unwritable = try umbel("merge", "--base", Samples.main, "--out", out, in: scratch)
        #expect(unwritable.status == 1, "\(unwritable.errors)")
    }

    @Test func `an adapter's scale is what follows the last colon, if that is a number`() throws {
        let odd = try scratch.write("a:b.safetensors", try Samples.data(Samples.plain))
        #expect(try umbel("merge", "--base", Samples.main, "--adapter", odd, "--out", "a", in: scratch).status == 0)
        #expect(
            try umbel("merge", "--base", Samples.main, "--adapter", odd + ":0", "--out", "b", in: scratch).status == 0)
        #expect(try scratch.read("b") == (try Samples.data(Samples.main)))
        #expect(try scratch.read("a") != scratch.read("b"))
    }

    @Test func `merge writes a single file into a folder under its own name, and replaces what was there`() throws {
        try FileManager.default.createDirectory(atPath: scratch.path + "/out", withIntermediateDirectories: true)
        try scratch.write("out/main_fp32.safetensors", Data("old".utf8))
        #expect(try umbel("merge", "--base", Samples.main, "--out", "out", in: scratch).status == 0)
        #expect(try scratch.read("out/main_fp32.safetensors") == (try Samples.data(Samples.main)))
        #expect(scratch.files(below: "out") == ["main_fp32.safetensors"])
    }

    @Test func `merge never writes over the base or the adapter it reads`() throws {
        let base = try scratch.write("base.safetensors", try Samples.data(Samples.main))
        let merged = try umbel("merge", "--base", base, "--adapter", Samples.plain, "--out", "new", in: scratch)
        #expect(merged.status == 0)
        // In place: the result takes the base's name in one step, and is the same as elsewhere.
        _ = try umbel("merge", "--base", base, "--adapter", Samples.plain, "--out", base, in: scratch)
        let after = try scratch.read("base.safetensors")
        #expect(try after == scratch.read("new") || after == Samples.data(Samples.main))
    }

    @Test(arguments: ["f16", "bf16", "f32"])
    func `merge writes the types that the service serves`(type: String) throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let result = try umbel(
            "merge", "--base", Samples.main, "--adapter", Samples.plain + ":0.7", "--out", "x", "--dtype", type,
            in: scratch)
        #expect(result.status == 0)
        #expect(try scratch.read("x") == service.file("main+ink:0.7", "main_fp32.safetensors", "?dtype=\(type)"))
    }

    @Test func `a partial match is refused with every key named, unless it is allowed`() throws {
        let refused = try umbel(
            "merge", "--base", Samples.main, "--adapter", Samples.partial, "--out", "x", in: scratch)
        #expect(refused.status == 3)
        #expect(refused.errors.contains("lycoris_enc_blocks_0_attn_to_q.lora_sideways"), "\(refused.errors)")
        let allowed = try umbel(
            "merge", "--base", Samples.main, "--adapter", Samples.partial, "--out", "x", "--allow-unmatched",
            in: scratch)
        #expect(allowed.status == 0, "\(allowed.errors)")
    }

    @Test func `for scripts every report is one JSON value on standard output`() throws {
        let reports = try [
            umbel("check", Samples.plain, "--base", Samples.main, "--json", in: scratch),
            umbel("inspect", Samples.plain, "--json", in: scratch),
            umbel("inspect", Samples.main, "--json", in: scratch),
            umbel("inspect", Samples.pipeline, "--json", in: scratch),
            umbel("inspect", Samples.shakespeare, "--json", in: scratch),
            umbel(
                "merge", "--base", Samples.main, "--adapter", Samples.plain, "--out", "x", "--json", in: scratch),
        ]
        for report in reports {
            #expect(report.status == 0, "\(report.errors)")
            #expect((try? JSON(parsing: Array(report.output)))?.members?.isEmpty == false, "\(report.text)")
            #expect(report.errors.isEmpty, "\(report.errors)")
        }
    }

    @Test func `check tells what a person asks of an adapter`() throws {
        let result = try umbel("check", Samples.outline, "--base", Samples.pipeline, in: scratch)
        #expect(result.status == 0)
        for word in ["lora", "rank", "coverage", "‖ΔW‖/‖W‖"] { #expect(result.text.contains(word), "\(result.text)") }
    }
}
