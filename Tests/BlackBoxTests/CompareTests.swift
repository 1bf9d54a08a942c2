import Foundation
import Testing
import UmbelFormats

/// `POST /v1/compare` over a real socket.
@Suite struct CompareTests {
    private static let tilted = Samples.root + "/demo/adapters/shapes-sd/loha-tilted.safetensors"

    private func shapes() throws -> Service {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        #expect(try service.put("tilt", Self.tilted).status == 201)
        return service
    }

    private func number(_ json: JSON?, _ path: String...) -> Double {
        var value = json
        for name in path { value = value?[name] }
        return value?.double ?? .nan
    }

    @Test func `two variants are compared in parts that agree with the whole`() throws {
        let service = try shapes()
        let answer = try service.post("/v1/compare", #"{"a": "shapes+outline:0.8", "b": "shapes+tilt:0.5"}"#)
        #expect(answer.status == 200, "\(answer.text)")
        let json = try answer.json
        let ids = ["a", "b"].map { json[$0]?["variant"]?.string ?? "" }
        #expect(answer["x-umbel-variant"] == ids.joined(separator: ", "))
        #expect(ids[0] == (try service.get("/v1/models/shapes+outline:0.8").json["variant"]?.string))
        let overall = json["overall"]
        let distance = number(overall, "norms", "a_minus_b")
        #expect(distance > 0 && number(overall, "relative_distance") == distance / number(overall, "norms", "a"))
        for list in ["components", "blocks"] {
            let squares = (json[list]?.array ?? []).map { pow(number($0, "norms", "a_minus_b"), 2) }.reduce(0, +)
            #expect(abs(squares.squareRoot() - distance) < 1e-9 * distance, "\(list)")
        }
        let tensors = try #require(json["tensors"]?.array)
        #expect(tensors.count == 50 && (json["changed_tensors"]?.integer ?? 0) > 50)
        let distances = tensors.map { number($0, "relative_distance") }
        #expect(distances == distances.sorted(by: >))
        #expect(overall?["largest"]?["tensor"]?.string?.hasPrefix("unet/") == true)
    }

    @Test func `the list is as long as is asked for`() throws {
        let service = try shapes()
        func tensors(_ fields: String) throws -> Int? {
            try service.post("/v1/compare", #"{"a": "shapes+outline", "b": "shapes"\#(fields)}"#).json["tensors"]?
                .array?.count
        }
        let all = try #require(try tensors(#", "all": true"#))
        #expect(all > 50)
        #expect(try tensors("") == 50)
        #expect(try tensors(#", "limit": 3"#) == 3)
        #expect(try tensors(#", "limit": 0"#) == 0)
        #expect(try tensors(#", "all": false, "limit": 4"#) == 4)
        #expect(try tensors(#", "all": true, "limit": 4"#) == all)
    }

    @Test func `a variant and itself differ by nothing`() throws {
        let service = try shapes()
        let answer = try service.post("/v1/compare", #"{"a": "shapes+tilt", "b": "shapes+tilt:1.0"}"#)
        let overall = try answer.json["overall"]
        #expect(overall?["relative_distance"]?.double == 0 && overall?["cosine"]?.double == 1)
        #expect(overall?["equal_share"]?.double == 1 && overall?["largest"]?.isNull == true)
        #expect(answer["x-umbel-variant"] == (try answer.json["a"]?["variant"]?.string))
    }

    @Test func `a comparison keeps nothing, and an id serves as a model`() throws {
        let service = try shapes()
        let first = try service.post("/v1/compare", #"{"a": "shapes+outline:0.3", "b": "shapes", "limit": 1}"#)
        #expect(try service.get("/v1/variants").json["bytes"]?.integer == 0)
        let made = try service.post("/v1/variants", #"{"model": "shapes+outline:0.3"}"#)
        let id = try made.json["id"]?.string ?? ""
        // The same numbers from memory as from merging on the way.
        let second = try service.post("/v1/compare", #"{"a": "\#(id)", "b": "shapes", "limit": 1}"#)
        #expect(try second.json["overall"] == first.json["overall"])
        #expect(try second.json["tensors"] == first.json["tensors"])
    }

    @Test func `models of different bases are refused in words`() throws {
        let service = try Service(["shapes": Samples.pipeline, "main": Samples.main])
        let answer = try service.post("/v1/compare", #"{"a": "shapes", "b": "main"}"#)
        #expect(answer.status == 422 && answer.codes == ["different_bases"])
        let detail = try answer.json["detail"]?.string ?? ""
        #expect(detail.contains("“shapes”") && detail.contains("“main”"))
    }

    @Test(arguments: [
        ("{}", "missing_field"), (#"{"a": "main"}"#, "missing_field"), (#"{"a": 1, "b": "main"}"#, "invalid_field"),
        (#"{"a": "main", "b": "main", "limit": -1}"#, "invalid_field"),
        (#"{"a": "main", "b": "main", "limit": 1.5}"#, "invalid_field"),
        (#"{"a": "main", "b": "main", "all": 1}"#, "invalid_field"),
        (#"{"a": "main", "b": "main", "limt": 1}"#, "unknown_field"), ("[]", "invalid_field"),
        (#"{"a": "main", "b": ""}"#, "invalid_reference"), (#"{"a": "main", "b": "none"}"#, "unknown_model"),
        (#"{"a": "main", "b": "main+none"}"#, "unknown_adapter"),
    ])
    func `a request that says something else is refused`(body: String, code: String) throws {
        let service = try Service.main()
        let answer = try service.post("/v1/compare", body)
        #expect(answer.status == (code.hasPrefix("unknown_") && code != "unknown_field" ? 404 : 400))
        #expect(answer.codes.contains(code), "\(answer.text)")
    }

    @Test(.enabled(if: Programs.pythonHas("safetensors", "numpy"), "python has no safetensors or no numpy"))
    func `numpy finds the same numbers in the downloaded files`() throws {
        let service = try shapes()
        let (a, b) = ("shapes+outline:0.8", "shapes+tilt:0.5")
        let answer = try service.post("/v1/compare", #"{"a": "\#(a)", "b": "\#(b)", "all": true}"#)
        try service.scratch.write("answer.json", answer.body)
        let folders = ["unet", "text_encoder", "vae"]
        for (name, model) in [("a", a), ("b", b), ("base", "shapes")] {
            let files = try service.get("/v1/models/\(model)/files").json["files"]?.array ?? []
            for path in files.compactMap({ $0["path"]?.string }) where path.hasSuffix(".safetensors") {
                let folder = path.split(separator: "/").first.map(String.init) ?? ""
                #expect(folders.contains(folder))
                try service.scratch.write("\(name)-\(folder).safetensors", try service.file(model, path))
            }
        }
        let script = """
            import glob, json, re, numpy
            from safetensors import safe_open
            def load(name):
                tensors = {}
                for path in glob.glob(name + "-*.safetensors"):
                    component = path[len(name) + 1:-len(".safetensors")]
                    with safe_open(path, "np") as file:
                        for key in file.keys():
                            value = file.get_tensor(key)
                            if value.dtype.kind == "f": tensors[component + "/" + key] = value.astype(numpy.float64)
                return tensors
            a, b, base = load("a"), load("b"), load("base")
            answer = json.load(open("answer.json"))
            def check(numbers, names):
                x, y, w = (numpy.concatenate([t[n].ravel() for n in names]) for t in (a, b, base))
                norm = numpy.linalg.norm
                expected = {
                    "elements": x.size, "equal_share": (x == y).mean(), "relative_distance": norm(x - y) / norm(x),
                    "relative_to_base": norm(x - y) / norm(w),
                }
                norms = {"a": x, "b": y, "base": w, "a_minus_b": x - y, "a_minus_base": x - w, "b_minus_base": y - w}
                for key, value in expected.items():
                    assert abs(numbers[key] - value) <= 1e-10 * abs(value), (names[0], key, numbers[key], value)
                for key, value in norms.items():
                    assert abs(numbers["norms"][key] - norm(value)) <= 1e-10 * norm(value), (names[0], key)
                if norm(x - w) > 0 and norm(y - w) > 0:
                    cosine = (x - w) @ (y - w) / norm(x - w) / norm(y - w)
                    assert abs(numbers["cosine"] - cosine) < 1e-9, (names[0], numbers["cosine"], cosine)
                else:
                    assert numbers["cosine"] is None
                largest = numpy.abs(x - y).max()
                if largest == 0:
                    assert numbers["largest"] is None
                else:
                    place = numbers["largest"].get("tensor", names[0])
                    index = tuple(numbers["largest"]["index"])
                    assert numbers["largest"]["change"] == largest == abs(a[place][index] - b[place][index])
            everything = sorted(base)
            check(answer["overall"], everything)
            for part in answer["components"]:
                check(part, [n for n in everything if n.startswith(part["component"] + "/")])
            for part in answer["blocks"]:
                check(part, [n for n in everything if re.match(re.escape(part["block"]) + r"\\.", n)])
            for part in answer["tensors"]: check(part, [part["tensor"]])
            changed = {n for n in everything if (a[n] != b[n]).any()}
            assert changed <= {t["tensor"] for t in answer["tensors"]} and answer["unmatched"] == []
            print(len(answer["blocks"]), len(answer["tensors"]))
            """
        guard let python = Programs.python else { throw HarnessFailure("python is missing") }
        let file = try service.scratch.write("script.py", Data(script.utf8))
        let result = try Program(python, [file], environment: Programs.pythonPath, scratch: service.scratch).finish()
        #expect(result.status == 0, "\(result.errors)")
    }
}
