import HTTPTypes
import Testing
import UmbelFormats
import UmbelHTTP
import UmbelImages
import UmbelModels
import UmbelTesting

@testable import UmbelServer

@Suite("/sdapi/v1", .timeLimit(.minutes(1)))
struct WebUIRoutesTests {
    private let service: DrawingService

    init() throws {
        service = try DrawingService()
        try service.put("ink")
    }

    private func draw(_ body: String, _ call: String = "txt2img") throws -> (response: Response, json: JSON) {
        try service.ask(.post, "/sdapi/v1/\(call)", body)
    }

    private func variant(_ body: String) throws -> String? {
        let answer = try draw(body)
        #expect(answer.response.status == .ok, "\(answer.json.text)")
        return answer.response.headers[.variant]
    }

    private func variant(of model: String) throws -> String? {
        try service.ask(.get, "/v1/models/\(model)/files").response.headers[.variant]
    }

    @Test("Pictures, what was asked for, and the info as a text")
    func drawn() throws {
        let answer = try draw(
            #"{"prompt":"p","negative_prompt":"n","width":24,"height":16,"steps":3,"cfg_scale":5,"seed":9,"batch_size":2,"n_iter":2,"sampler_name":"Euler a","scheduler":"Karras","styles":[],"alwayson_scripts":{},"enable_hr":false}"#
        )
        #expect(answer.response.status == .ok, "\(answer.json.text)")
        #expect(answer.json["images"]?.array?.count == 4)
        #expect(answer.json["parameters"]?["cfg_scale"]?.integer == 5)
        let info = try JSON(parsing: Array(try #require(answer.json["info"]?.string).utf8))
        #expect(info["all_seeds"]?.array?.compactMap(\.integer) == [9, 10, 11, 12])
        #expect(info["prompt"]?.string == "p" && info["sampler_name"]?.string == "Euler a")
        #expect(info["infotexts"]?.array?.count == 4)
        let requests = service.painter.requests
        #expect(requests.map(\.seed) == [9, 11] && requests.map(\.count) == [2, 2])
        #expect(requests.allSatisfy { $0.seeding == .each && $0.noise == .gpu && $0.emphasis == .original })
        #expect(requests[0].sampler == "Euler a" && requests[0].schedule == "Karras" && requests[0].guidance == 5)
    }

    @Test("What is not said is as in the web UIs; a seed of -1 is any")
    func defaults() throws {
        for seed in ["", #""seed":-1,"#] {
            _ = try draw(#"{\#(seed)"prompt":"p"}"#)
        }
        let requests = service.painter.requests
        #expect(requests.allSatisfy { $0.steps == 50 && $0.guidance == 7 && $0.count == 1 && $0.clipSkip == 0 })
        #expect(requests[0].seed != requests[1].seed)
        #expect(try draw(#"{"prompt":"p","send_images":false}"#).json["images"]?.array?.isEmpty == true)
    }

    @Test("The web UI's setting of emphasis counts")
    func emphasis() throws {
        for (name, emphasis) in [("Ignore", DrawingRequest.Emphasis.ignored), ("No norm", .noNormalization)] {
            #expect(
                try draw(#"{"prompt":"p","override_settings":{"emphasis":"\#(name)"}}"#).response.status == .ok)
            #expect(service.painter.requests.last?.emphasis == emphasis)
        }
        let refused = try draw(#"{"prompt":"p","override_settings":{"emphasis":"None"}}"#)
        #expect(refused.response.status == .badRequest)
    }

    @Test("A tag in the prompt is an adapter with scales of its parts, and the model does not see it")
    func tags() throws {
        #expect(try variant(#"{"prompt":"a <lora:ink:0.5> b"}"#) == variant(of: "tiny+ink:0.5"))
        #expect(try variant(#"{"prompt":"<lyco:ink>"}"#) == variant(of: "tiny+ink"))
        #expect(try variant(#"{"prompt":"<lora:ink:0.2:0.5>"}"#) == variant(of: "tiny+ink:0.5:te=0.2"))
        #expect(try variant(#"{"prompt":"<lora:ink.safetensors:0.5>"}"#) == variant(of: "tiny+ink:0.5"))
        #expect(service.painter.requests[0].prompt == "a  b")
        let answer = try draw(#"{"prompt":"a <lora:ink:0.5>","seed":1}"#)
        let bytes = try #require(answer.json["images"]?.array?.first?.string.flatMap(Base64.bytes))
        let text = try #require(try PictureFile.text(of: bytes)[PictureFile.parametersKey])
        #expect(text.hasPrefix("a <lora:ink:0.5>"), "the picture's text can be used again")
        #expect(text.contains("Lora hashes"))
    }

    @Test("A tag's strength may change with the steps")
    func steppedTag() throws {
        let changing = try draw(#"{"prompt":"<lora:ink:0@0,1@0.5>","steps":4,"seed":1}"#)
        #expect(changing.response.status == .ok, "\(changing.json.text)")
        let plain = try draw(#"{"prompt":"<lora:ink:0>","steps":4,"seed":1}"#)
        #expect(changing.json["images"] != plain.json["images"])
    }

    @Test("The list of adapters takes the paths that are listed")
    func list() throws {
        let listed = try service.ask(.get, "/sdapi/v1/loras").json.array
        #expect(listed?.compactMap { $0["name"]?.string } == ["ink"])
        let path = try #require(listed?.first?["path"]?.string)
        #expect(
            try variant(#"{"prompt":"p","lora":[{"path":"\#(path)","multiplier":0.7,"is_high_noise":false}]}"#)
                == variant(of: "tiny+ink:0.7"))
    }

    static let faults: [(body: String, code: String, words: [String])] = [
        (#"{"prompt":"<lora:inc:1>"}"#, "unknown_network", ["inc", "ink"]),
        (#"{"prompt":"p","lora":[{"path":"../x","multiplier":1}]}"#, "unknown_network", ["../x"]),
        (#"{"prompt":"p","lora":[{"multiplier":1}]}"#, "missing_field", ["lora[0].path"]),
        (#"{"prompt":"<lora:ink:x>"}"#, "invalid_prompt_tag", ["ink", "x"]),
        (#"{"prompt":"<lora:ink:1:1:8>"}"#, "invalid_prompt_tag", ["ink", "rank"]),
        (#"{"prompt":"p","negative_prompt":"<lora:ink:1>"}"#, "invalid_prompt_tag", ["negative"]),
        (#"{"prompt":"p","stepz":1}"#, "unknown_field", ["steps"]),
        (#"{"prompt":"p","enable_hr":true}"#, "invalid_field", ["enable_hr"]),
        (#"{"prompt":"p","alwayson_scripts":{"x":{}}}"#, "invalid_field", ["alwayson_scripts"]),
        (#"{"prompt":"p","width":20}"#, "invalid_field", ["width"]),
        (#"{"prompt":"p","width":4096,"height":4096,"batch_size":5}"#, "too_many_pixels", ["67108864"]),
        (#"{"prompt":"p","override_settings":{"sd_vae":"x"}}"#, "unknown_field", ["sd_vae"]),
        (#"{"prompt":"p","override_settings":{"sd_model_checkpoint":"none"}}"#, "unknown_model", ["none"]),
    ]

    @Test("What cannot be done is refused, and never left out in silence", arguments: faults.indices)
    func fault(_ index: Int) throws {
        let fault = Self.faults[index]
        let answer = try draw(fault.body)
        #expect((400..<500).contains(answer.response.status.code))
        #expect(answer.json["code"]?.string == fault.code, "\(answer.json.text)")
        for word in fault.words {
            #expect(answer.json["detail"]?.string?.contains(word) == true, "\(answer.json.text)")
        }
        #expect(service.painter.requests.isEmpty)
    }

    @Test("Beginning from a picture: white is drawn, and the mask can be turned round")
    func fromPicture() throws {
        let picture = Base64.text(try DrawingService.png(width: 20, height: 16))
        let white = Base64.text(try DrawingService.png([255, 255, 255]))
        let body =
            #""prompt":"p","init_images":["data:image/png;base64,\#(picture)"],"mask":"\#(white)","denoising_strength":0.4"#
        #expect(try draw("{\(body)}", "img2img").response.status == .ok)
        let answer = try draw("{\(body),\"inpainting_mask_invert\":1,\"width\":32,\"height\":16}", "img2img")
        #expect(answer.json["parameters"]?["init_images"]?.isNull == true, "they are not sent back")
        let requests = service.painter.requests
        #expect((requests[0].width, requests[0].height) == (24, 16), "the nearest multiple of 8")
        #expect((requests[1].width, requests[1].height) == (32, 16))
        #expect(requests[0].start?.strength == 0.4)
        #expect(requests[0].start?.mask?.allSatisfy { $0 == 255 } == true)
        #expect(requests[1].start?.mask?.allSatisfy { $0 == 0 } == true)
        #expect(try draw(#"{"prompt":"p"}"#, "img2img").json["code"]?.string == "missing_field")
        #expect(try draw(#"{"prompt":"p","init_images":["%%"]}"#, "img2img").json["code"]?.string == "invalid_field")
    }

    @Test("The model can be chosen for all that follows, or for one request")
    func options() throws {
        let choose = try service.ask(.post, "/sdapi/v1/options", #"{"sd_model_checkpoint":"tiny+ink:0.5 [abc]"}"#)
        #expect(choose.response.status == .ok, "\(choose.json.text)")
        #expect(try service.ask(.get, "/sdapi/v1/options").json["sd_model_checkpoint"]?.string == "tiny+ink:0.5")
        #expect(try variant(#"{"prompt":"p"}"#) == variant(of: "tiny+ink:0.5"))
        #expect(
            try variant(#"{"prompt":"p","override_settings":{"sd_model_checkpoint":"tiny"}}"#) == variant(of: "tiny"))
        let unknown = try service.ask(.post, "/sdapi/v1/options", #"{"sd_model_checkpoint":"none"}"#)
        #expect(unknown.json["code"]?.string == "unknown_model")
        #expect(try service.ask(.post, "/sdapi/v1/options", #"{"sd_vae":"x"}"#).json["code"]?.string == "unknown_field")
    }

    @Test("Lists: bases that draw, samplers, schedules")
    func lists() throws {
        #expect(try service.ask(.get, "/sdapi/v1/sd-models").json.array?.first?["title"]?.string == "tiny")
        let samplers = try service.ask(.get, "/sdapi/v1/samplers").json.array?.compactMap { $0["name"]?.string } ?? []
        #expect(samplers.contains("Euler a") && samplers.contains("DPM++ 2M"))
        let schedules = try service.ask(.get, "/sdapi/v1/schedulers").json.array?.compactMap { $0["name"]?.string }
        #expect(schedules?.contains("karras") == true)
        #expect(try service.ask(.post, "/sdapi/v1/refresh-loras").response.status == .ok)
    }

    @Test("Progress is that of the drawing under way, and interrupt ends it")
    func progress() throws {
        let service = try DrawingService(isStepwise: true)
        #expect(try service.ask(.get, "/sdapi/v1/progress").json["progress"]?.double == 0)
        let id = try service.start(#"{"prompt":"p","steps":4}"#, at: "/sdapi/v1/txt2img")
        service.painter.arrived.wait()
        service.painter.gate.signal()
        service.painter.arrived.wait()
        let progress = try service.ask(.get, "/sdapi/v1/progress").json
        #expect(progress["progress"]?.double == 0.25)
        #expect(progress["state"]?["sampling_step"]?.integer == 1)
        #expect(progress["current_image"]?.string.flatMap(Base64.bytes).flatMap { PictureFormat.of($0) } == .png)
        let bare = try service.ask(.get, "/sdapi/v1/progress?skip_current_image=true").json
        #expect(bare["current_image"]?.isNull == true)
        #expect(try service.ask(.post, "/sdapi/v1/interrupt").response.status == .ok)
        service.painter.gate.signal()
        #expect(try service.end(id).word == "cancelled")
    }

    @Test("Interrupt leaves what came through other doors")
    func interruptOthers() throws {
        let service = try DrawingService(isStepwise: true)
        let id = try service.start(#"{"prompt":"p","steps":1}"#)
        service.painter.arrived.wait()
        _ = try service.ask(.post, "/sdapi/v1/interrupt")
        service.painter.gate.signal()
        #expect(try service.end(id).word == "completed")
    }

    @Test("A picture tells what it was made of")
    func pictureText() throws {
        let drawn = try draw(#"{"prompt":"a, b","negative_prompt":"c","seed":4,"steps":2}"#)
        let image = try #require(drawn.json["images"]?.array?.first?.string)
        let told = try service.ask(.post, "/sdapi/v1/png-info", #"{"image":"\#(image)"}"#).json
        #expect(told["info"]?.string?.hasPrefix("a, b\nNegative prompt: c\nSteps: 2") == true, "\(told.text)")
        #expect(told["parameters"]?["Prompt"]?.string == "a, b")
        #expect(told["parameters"]?["Seed"]?.string == "4")
        let plain = Base64.text(try DrawingService.png())
        #expect(try service.ask(.post, "/sdapi/v1/png-info", #"{"image":"\#(plain)"}"#).json["info"]?.string == "")
    }
}
