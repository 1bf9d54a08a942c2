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
