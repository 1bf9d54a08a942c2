import Foundation
import Testing
import UmbelFormats

/// Pictures from the real binary. What is drawn is for the conformance tests; here it is whether it comes out of the doors.
@Suite(.enabled(if: Painting.isThere, "this build draws nothing")) struct DrawingTests {
    @Test(arguments: [
        (#"{"prompt": "x", "sampler": "Nope"}"#, "sampler"),
        (#"{"prompt": "x", "sampler": "Euler", "scheduler": "Nope"}"#, "scheduler"),
        (#"{"prompt": "x", "steps": 1001}"#, "steps"),
    ]) func `a sampler or a number of steps that there is not is a 400 that names the field`(
        _ body: String, field: String
    ) throws {
        let service = try Service(["shapes": Samples.pipeline])
        let answer = try service.post("/v1/images/generations", body)
        #expect(answer.status == 400, "\(answer.text)")
        #expect(try answer.json["errors"]?.array?.first?["field"]?.string == field)
    }

    @Test func `the same seed draws the same picture through every door`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        let images = try service.post(
            "/v1/images/generations", #"{"prompt":"a red circle","seed":1,"steps":4,"response_format":"url"}"#)
        #expect(images.status == 200, "\(images.text)")
        let command = try umbel(
            "draw", "a red circle", "--seed", "1", "--steps", "4", "--url", service.url, "-o", "remote.png",
            in: service.scratch)
        #expect(command.status == 0, "\(command.errors)")
        let url = try #require(try images.json["data"]?.array?.first?["url"]?.string)
        #expect(try service.get(url).body == service.scratch.read("remote.png"))
        let local = try umbel(
            "draw", "a red circle", "--seed", "1", "--steps", "4", "--base", "shapes=\(Samples.pipeline)", "-o",
            "local.png", in: service.scratch)
        #expect(local.status == 0, "\(local.errors)")
        #expect(try service.scratch.read("remote.png") == service.scratch.read("local.png"))
    }

    /// The bytes of a picture of two steps.
    private func drawn(_ service: Service, _ model: String = "shapes") throws -> Data {
        let answer = try service.post(
            "/v1/images/generations",
            #"{"model":"\#(model)","prompt":"a red circle","seed":1,"steps":2,"response_format":"url"}"#)
        try #require(answer.status == 200, "\(answer.text)")
        return try service.get(try #require(answer.json["data"]?.array?.first?["url"]?.string)).body
    }

    @Test func `pictures are drawn in bf16 where the setting says so, and else in f32`() throws {
        let plain = try Service(["shapes": Samples.pipeline])
        let coarse = try Service(
            ["shapes": Samples.pipeline], environment: ["UMBEL_DRAWING_COMPUTE_TYPE": "bf16"])
        let (exact, rounded) = (try drawn(plain), try drawn(coarse))
        #expect(exact != rounded)
        for (type, expected) in [(nil, exact), ("f32", exact), ("bf16", rounded)] {
            let arguments =
                ["draw", "a red circle", "--seed", "1", "--steps", "2", "--base", "shapes=\(Samples.pipeline)"]
                + ["-o", "o.png"] + (type.map { ["--compute-type", $0] } ?? [])
            let result = try Program(Programs.umbel, arguments, scratch: plain.scratch).finish()
            #expect(result.status == 0, "\(result.errors)")
            #expect(try plain.scratch.read("o.png") == expected, "\(type ?? "no type")")
        }
        let wrong = try umbel(
            "draw", "x", "--base", "shapes=\(Samples.pipeline)", "-o", "o.png", "--compute-type", "f16",
            in: plain.scratch)
        #expect(wrong.status == 2 && wrong.errors.contains("--compute-type"), "\(wrong.errors)")
    }

    /// The layers of the only base, and that its packed ones are what `memory` counts.
    private func layers(_ service: Service) throws -> JSON {
        let list = try service.get("/v1/variants").json
        let layers = try #require(list["layers"]?.array?.first)
        #expect(list["memory"]?["layers"] == layers["shared"])
        return layers
    }

    @Test func `packed layers are counted, and a variant holds only the tensors that it touches`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        _ = try drawn(service)
        let base = try layers(service)
        let shared = try #require(base["shared"]?.integer)
        #expect(shared > 0 && base["base"]?.string == "shapes" && base["variants"]?.array?.isEmpty == true)
        _ = try drawn(service, "shapes+outline")
        let both = try layers(service)
        let variant = try #require(both["variants"]?.array?.first)
        let own = try #require(variant["bytes"]?.integer)
        #expect(both["shared"]?.integer == shared && own > 0 && own < shared)
        // They are the merged ones that the cache has.
        #expect(try own == service.get("/v1/variants").json["memory"]?["merged"]?.integer)
        // Another time everything is there.
        _ = try drawn(service, "shapes+outline")
        #expect(try layers(service) == both)
        // They go with the variant.
        #expect(try service.delete("/v1/variants/\(variant["id"]?.string ?? "")").status == 204)
        #expect(try layers(service)["variants"]?.array?.isEmpty == true)
    }

    @Test func `layers of variants take no more memory than they may`() throws {
        let service = try Service(["shapes": Samples.pipeline], arguments: ["--set", "drawing.layer_bytes=0"])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let first = try drawn(service, "shapes+outline")
        #expect(try layers(service)["variants"]?.array?.isEmpty == true)
        #expect(try drawn(service, "shapes+outline") == first)
    }

    @Test(.enabled(if: Programs.pythonHas("openai"), "python has no openai"))
    func `openai's client draws`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        let script = """
            import sys, base64, openai
            client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0)
            answer = client.images.generate(model="shapes", prompt="a red circle", n=2, extra_body={"seed": 1, "steps": 2})
            assert len(answer.data) == 2 and answer.output_format == "png"
            assert base64.b64decode(answer.data[0].b64_json).startswith(b"\\x89PNG")
            try:
                client.images.generate(model="none", prompt="p")
                raise SystemExit("no error")
            except openai.NotFoundError as error:
                assert error.code == "model_not_found"
            try:
                client.images.generate(model="shapes", prompt="p", extra_body={"stepz": 1})
                raise SystemExit("no error")
            except openai.BadRequestError as error:
                assert "steps" in str(error)
            """
        let result = try python(script, [service.url], in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
    }
}

/// Whether the program draws.
private enum Painting {
    static let isThere: Bool = {
        guard let service = try? Service(["shapes": Samples.pipeline]),
            let answer = try? service.get("/sdapi/v1/sd-models")
        else { return false }
        return answer.status == 200
    }()
}
