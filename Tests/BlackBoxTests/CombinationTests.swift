import Foundation
import Testing
import UmbelFormats

/// Several adapters as one entry of a recipe, at every door.
@Suite struct CombinationTests {
    private let service: Service
    private let scratch: Scratch

    init() throws {
        service = try Service.main()
        scratch = try Scratch()
        #expect(try service.put("ink", Samples.plain).status == 201)
        #expect(try service.put("tilt", try Samples.other()).status == 201)
        try scratch.write("ink.safetensors", try Samples.data(Samples.plain))
        try scratch.write("tilt.safetensors", try Samples.other())
    }

    private func merged(_ adapter: String) throws -> Data {
        let result = try umbel(
            "merge", "--base", Samples.main, "--adapter", adapter, "--out", "merged.safetensors", in: scratch)
        #expect(result.status == 0, "\(result.errors)")
        return try scratch.read("merged.safetensors")
    }

    @Test func `a reference, a request and the command line give the same bytes`() throws {
        let cases: [(method: String, text: String, json: String)] = [
            ("sum", "", ""), ("ties", ";density=0.5", #", "density": 0.5"#),
            ("dare_linear", ";density=0.5;seed=3", #", "density": 5e-1, "seed": 3"#),
            ("dare_ties", ";majority_sign=frequency", #", "majority_sign": "frequency""#),
            ("svd", ";rank=2", #", "rank": 2"#), ("peft_linear", "", ""),
        ]
        var files: Set<Data> = []
        for (method, text, json) in cases {
            let model = "main+\(method)(ink:0.8,tilt:-0.5\(text)):0.9"
            let adapters = #"[{"name": "ink", "scale": 0.8}, {"name": "tilt", "scale": -0.5}]"#
            let entry = #"{"combine": {"method": "\#(method)", "adapters": \#(adapters)\#(json)}, "scale": 0.9}"#
            let made = try service.post("/v1/variants", #"{"base": "main", "adapters": [\#(entry)]}"#)
            #expect(made.status == 201, "\(made.text)")
            let described = try service.get("/v1/models/\(model)").json
            #expect(try described["variant"] == made.json["id"], "\(method)")
            let file = try service.file(model)
            #expect(file == (try service.file(made["x-umbel-variant"] ?? "")))
            #expect(
                try file == merged("\(method)(ink.safetensors:0.8,tilt.safetensors:-0.5\(text)):0.9"), "\(method)")
            files.insert(file)
        }
        #expect(files.count == cases.count, "every method gives other bytes")
    }

    @Test func `one adapter at weight 1 gives itself back`() throws {
        let plain = try service.file("main+ink:0.7")
        for method in ["sum", "cat", "svd", "ties", "dare_linear", "dare_ties", "magnitude_prune", "peft_linear"] {
            #expect(try service.file("main+\(method)(ink):0.7") == plain, "\(method)")
        }
    }

    @Test func `the recipe shows the combination, and on request what it lost`() throws {
        let object = try service.get("/v1/models/main+tilt+svd(ink:0.5,tilt;rank=2)?report=true").json
        let recipe = object["recipe"]
        #expect(recipe?[0]?["adapter"] == "tilt")
        let combine = recipe?[1]?["combine"]
        #expect(combine?["method"] == "svd")
        #expect(combine?["rank"]?.integer == 2)
        #expect(combine?["adapters"]?[0]?["adapter"] == "ink")
        #expect(combine?["adapters"]?[0]?["scale"]?.double == 0.5)
        #expect(try combine?["adapters"]?[0]?["digest"]?.string == "sha256:" + service.digest("ink"))
        #expect(recipe?[1]?["scale"]?.double == 1)
        let report = object["combinations"]?[0]
        #expect(report?["entry"]?.integer == 1)
        let lost = report?["lost_energy"]
        let total = try #require(lost?["total"]?.double)
        #expect(total > 0 && total < 1)
        #expect(lost?["max"]?.double == total, "there is one module")
        #expect(lost?["modules"]?[0]?["rank"]?.integer == 2)
        #expect(try service.get("/v1/models/main+ink").json["combinations"] == nil, "only on request")
        let model = try service.get("/v1/models/main+svd(ink:0.5,tilt;rank=2)").json
        #expect(model["combinations"] == nil)
        let printed = try umbel(
            "merge", "--base", Samples.main, "--adapter", "svd(ink.safetensors:0.5,tilt.safetensors;rank=2)",
            "--report", "--out", "merged.safetensors", in: scratch)
        #expect(printed.text.contains("of the energy"), "\(printed.text)")
    }

    @Test func `what is no combination is refused with the nearest name`() throws {
        for (target, status, code, words) in [
            ("main+tie(ink)", 400, "invalid_combination", "“ties”"),
            ("main+ties(ink;densty=0.5)", 400, "invalid_combination", "“density”"),
            ("main+ties(ink;density=2)", 400, "invalid_combination", "at most 1"),
            ("main+sum(ink", 400, "invalid_reference", "sum(ink"),
            ("main+sum(ink,nobody)", 404, "unknown_adapter", "nobody"),
            ("main+peft_ia3(ink,tilt)", 422, "not_combinable", "(IA)³"),
        ] {
            let answer = try service.get("/v1/models/\(target)")
            #expect(answer.status == status, "\(target): \(answer.text)")
            // Where OpenAI's clients ask, the problem has their shape as well.
            #expect(try answer.json["code"]?.string == code)
            #expect(answer.text.contains(words), "\(answer.text)")
        }
        for (body, code) in [
            (#"{"combine": {"adapters": []}}"#, "missing_field"),
            (#"{"combine": {"method": "sum"}}"#, "missing_field"),
            (#"{"combine": {"method": "sum", "adapters": []}}"#, "invalid_combination"),
            (#"{"combine": {"method": "sum", "adapters": [{"name": "ink"}], "density": 1}}"#, "invalid_combination"),
            (#"{"combine": {"method": "ties", "adapters": [{"name": "ink"}], "density": true}}"#, "invalid_field"),
            (#"{"combine": {"method": "sum", "adapters": [{"name": "ink"}]}, "name": "x"}"#, "unknown_field"),
            (#"{"combine": "sum"}"#, "invalid_field"),
        ] {
            let answer = try service.post("/v1/variants", #"{"base": "main", "adapters": [\#(body)]}"#)
            #expect(answer.codes.contains(code), "\(body): \(answer.text)")
        }
    }

    @Test func `the command line names what is wrong, and takes any path with backslashes`() throws {
        try scratch.write("a,b(1).safetensors", try Samples.data(Samples.plain))
        #expect(
            try merged(#"sum(a\,b\(1\).safetensors,tilt.safetensors)"#)
                == merged("sum(ink.safetensors,tilt.safetensors)"))
        #expect(try merged("a,b(1).safetensors") == merged("ink.safetensors"))
        for (argument, status, words) in [
            ("tie(ink.safetensors)", 2, "ties"), ("ties(ink.safetensors;density=0)", 2, "density"),
            ("sum(missing.safetensors)", 3, "missing.safetensors"),
            ("peft_ia3(ink.safetensors,tilt.safetensors)", 3, "(IA)³"),
        ] as [(String, Int32, String)] {
            let result = try umbel(
                "merge", "--base", Samples.main, "--adapter", argument, "--out", "x", in: scratch)
            #expect(result.status == status, "\(argument): \(result.errors)")
            #expect(result.errors.contains(words), "\(result.errors)")
        }
    }
}
