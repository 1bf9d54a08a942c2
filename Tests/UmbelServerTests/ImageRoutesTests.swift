import Dispatch
import HTTPTypes
import Testing
import UmbelEngine
import UmbelFormats
import UmbelHTTP
import UmbelImages
import UmbelModels

@testable import UmbelServer

@Suite("POST /v1/images", .timeLimit(.minutes(1)))
struct ImageRoutesTests {
    private let service: DrawingService

    init() throws { service = try DrawingService() }

    @Test("A drawing is answered as OpenAI's clients expect it, with the variant and where the time went")
    func generated() throws {
        let answer = try service.ask(
            .post, "/v1/images/generations", #"{"prompt":"a circle","model":"tiny","n":2,"size":"24x16","seed":7}"#)
        #expect(answer.response.status == .ok, "\(answer.json.text)")
        #expect(answer.json["created"]?.integer != nil)
        #expect(answer.json["output_format"]?.string == "png")
        #expect(answer.json["size"]?.string == "24x16")
        let data = try #require(answer.json["data"]?.array)
        #expect(data.count == 2)
        let file = try PictureFile(decoding: try #require(data[0]["b64_json"]?.string.flatMap(Base64.bytes)))
        #expect((file.picture.width, file.picture.height) == (24, 16))
        #expect(data.map { $0["seed"]?.integer } == [7, 7])
        #expect(answer.response.headers[.variant]?.count == 40)
        let timing = try #require(answer.response.headers[.serverTiming])
        for part in ["queue;dur=", "merge;dur=", "infer;dur="] { #expect(timing.contains(part)) }
        let drawn = try #require(service.painter.requests.first)
        #expect((drawn.prompt, drawn.width, drawn.height, drawn.count) == ("a circle", 24, 16, 2))
        #expect(drawn.seeding == .together && drawn.noise == .cpu, "as diffusers draws")
    }

    @Test("Every field reaches the painter")
    func fields() throws {
        let body = """
            {"prompt":"p","negative_prompt":"n","steps":3,"guidance_scale":2.5,"guidance_rescale":0.25,"seed":18446744073709551615,
             "sampler":"Euler a","scheduler":"Karras","clip_skip":1,"emphasis":"none","noise":"gpu","eta":0.5,"user":"u",
             "quality":"high","background":"opaque","stream":false,"n":null,"prompt_2":"second","negative_prompt_2":"",
             "original_size":[40,56],"crops_coords_top_left":[4,8],"negative_target_size":[24,32]}
            """
        #expect(try service.ask(.post, "/v1/images/generations", body).response.status == .ok)
        var expected = DrawingRequest()
        (expected.prompt, expected.negativePrompt, expected.steps, expected.guidance) = ("p", "n", 3, 2.5)
        (expected.guidanceRescale, expected.seed, expected.sampler, expected.schedule) = (
            0.25, .max, "Euler a", "Karras"
        )
        (expected.clipSkip, expected.emphasis, expected.noise, expected.eta) = (1, .none, .gpu, 0.5)
        (expected.secondPrompt, expected.secondNegativePrompt) = ("second", nil)
        var sizes = DrawingRequest.Sizes()
        (sizes.original, sizes.top, sizes.left) = (.init(height: 40, width: 56), 4, 8)
        expected.sizes = sizes
        sizes = DrawingRequest.Sizes()
        sizes.target = .init(height: 24, width: 32)
        expected.negativeSizes = sizes
        #expect(service.painter.requests == [expected])
    }

    @Test(
        "A prompt that is too long, and sizes that are none, are refused by name",
        arguments: [
            "prompt", "negative_prompt", "prompt_2", "negative_prompt_2", "target_size", "negative_original_size",
        ])
    func bounds(_ field: String) throws {
        let value = field.hasSuffix("size") ? "[8,-1]" : "\"\(String(repeating: "a", count: 65_537))\""
        let prompt = field == "prompt" ? "" : #""prompt":"p","#
        let answer = try service.ask(.post, "/v1/images/generations", "{\(prompt)\"\(field)\":\(value)}")
        #expect(answer.response.status == .badRequest)
        #expect(answer.json["errors"]?.array?.first?["field"]?.string == field, "\(answer.json.text)")
        #expect(service.painter.requests.isEmpty)
    }

    @Test("A picture comes in the format asked for, with what it was made of in it", arguments: PictureFormat.allCases)
    func formats(_ format: PictureFormat) throws {
        let body = #"{"prompt":"p","seed":5,"steps":3,"output_format":"\#(format.rawValue)","output_compression":80}"#
        let answer = try service.ask(.post, "/v1/images/generations", body)
        let bytes = try #require(answer.json["data"]?.array?.first?["b64_json"]?.string.flatMap(Base64.bytes))
        let file = try PictureFile(decoding: bytes)
        #expect(file.format == format)
        let parameters = GenerationParameters(text: try #require(file.text[PictureFile.parametersKey]))
        #expect(parameters.prompt == "p")
        #expect(parameters["Seed"] == "5" && parameters["Steps"] == "3" && parameters["Model"] == "tiny")
    }

    @Test("A url is the picture of the job, in the format asked for")
    func urls() throws {
        let answer = try service.ask(
            .post, "/v1/images/generations",
            #"{"prompt":"p","n":2,"response_format":"url","output_format":"jpeg"}"#)
        let url = try #require(answer.json["data"]?.array?.last?["url"]?.string)
        let picture = try service.respond(.get, url)
        #expect(picture.headers[.contentType] == "image/jpeg")
        #expect(PictureFormat.of(DrawingService.bytes(picture)) == .jpeg)
    }

    static let faults: [(body: String, status: Int, code: String, words: [String])] = [
        ("{}", 400, "missing_field", ["prompt"]), (#"{"prompt":1}"#, 400, "invalid_field", ["prompt"]),
        (#"{"prompt":"p","stepz":3}"#, 400, "unknown_field", ["stepz", "steps"]),
        (#"{"prompt":"p","n":0}"#, 400, "invalid_field", ["n"]),
        (#"{"prompt":"p","n":17}"#, 400, "invalid_field", ["n", "16"]),
        (#"{"prompt":"p","size":"24"}"#, 400, "invalid_field", ["size"]),
        (#"{"prompt":"p","size":"24x12"}"#, 400, "invalid_field", ["size", "8"]),
        (#"{"prompt":"p","seed":-2}"#, 400, "invalid_field", ["seed"]),
        (#"{"prompt":"p","stream":true}"#, 400, "invalid_field", ["stream", "events"]),
        (#"{"prompt":"p","background":"transparent"}"#, 400, "invalid_field", ["background"]),
        (#"{"prompt":"p","output_format":"gif"}"#, 400, "invalid_field", ["png", "webp"]),
        (#"{"prompt":"p","model":"none"}"#, 404, "unknown_model", ["none"]),
        (#"{"prompt":"p","model":"tiny+ink"}"#, 404, "unknown_adapter", ["ink"]),
        (#"{"prompt":"p","model":"tiny+ink:0@0.5"}"#, 400, "invalid_reference", ["0@0.5"]),
        (#"{"prompt":"p","sampler":"none"}"#, 400, "invalid_field", ["sampler"]),
    ]

    @Test("What is wrong is named, in OpenAI's shape too", arguments: faults.indices)
    func fault(_ index: Int) throws {
        let fault = Self.faults[index]
        let answer = try service.ask(.post, "/v1/images/generations", fault.body)
        #expect(answer.response.status.code == fault.status, "\(answer.json.text)")
        #expect(answer.json["code"]?.string == fault.code, "\(answer.json.text)")
        for word in fault.words {
            #expect(answer.json["detail"]?.string?.contains(word) == true, "\(answer.json.text)")
        }
        #expect(answer.json["error"]?["message"] == answer.json["detail"])
        #expect(answer.json["error"]?["type"]?.string == "invalid_request_error")
    }

    @Test("A scale that changes with the steps makes a model of several variants, and is refused elsewhere")
    func stepped() throws {
        try service.put("ink")
        let model = "tiny+ink:0@0.0,1@0.4"
        let changing = try service.ask(
            .post, "/v1/images/generations", #"{"prompt":"p","seed":1,"model":"\#(model)"}"#)
        #expect(changing.response.status == .ok, "\(changing.json.text)")
        let plain = try service.ask(.post, "/v1/images/generations", #"{"prompt":"p","seed":1,"model":"tiny+ink:0"}"#)
        #expect(changing.response.headers[.variant] == plain.response.headers[.variant], "the one it begins with")
        #expect(changing.json["data"] != plain.json["data"])
        for answer in [
            try service.ask(.get, "/v1/models/\(model)/files"),
            try service.ask(.post, "/v1/variants", #"{"model":"\#(model)"}"#),
        ] {
            #expect(answer.json["code"]?.string == "invalid_reference", "\(answer.json.text)")
            #expect(answer.json["detail"]?.string?.contains("drawing") == true)
        }
    }

    @Test("A route's drawings name and count the arm, and a user stays with one")
    func routed() throws {
        try service.put("ink")
        let route = #"{"arms":[{"name":"a","model":"tiny"},{"name":"b","model":"tiny+ink"}],"sticky":"user"}"#
        let made = try service.ask(.put, "/v1/routes/road", route)
        #expect(made.response.status.kind == .successful, "\(made.json.text)")
        var arms: Set<String> = []
        for _ in 0..<6 {
            let answer = try service.ask(
                .post, "/v1/images/generations", #"{"prompt":"p","steps":1,"model":"road","user":"somebody"}"#)
            arms.insert(try #require(answer.response.headers[.arm]))
        }
        #expect(arms.count == 1)
    }

    private func form(_ fields: [(name: String, value: [UInt8])]) -> (type: String, body: [UInt8]) {
        var body: [UInt8] = []
        for field in fields {
            body += "--b\r\nContent-Disposition: form-data; name=\"\(field.name)\"\r\n\r\n".utf8
            body += field.value + Array("\r\n".utf8)
        }
        return ("multipart/form-data; boundary=b", body + Array("--b--\r\n".utf8))
    }

    @Test("An edit begins from the picture, and draws where the mask is transparent")
    func edit() throws {
        let mask = (0..<16 * 16).flatMap { [0, 0, 0, $0 % 16 < 8 ? 0 : 255] as [UInt8] }
        let masked = try Picture(width: 16, height: 16, channels: 4, bytes: mask).encoded(as: .png())
        let (type, body) = form([
            ("image", try DrawingService.png()), ("mask", masked), ("prompt", Array("p".utf8)),
            ("strength", Array("0.5".utf8)), ("n", Array("2".utf8)),
        ])
        let response = try service.respond(.post, "/v1/images/edits", headers: [.contentType: type], body: body)
        #expect(response.status == .ok)
        let request = try #require(service.painter.requests.first)
        let start = try #require(request.start)
        #expect((request.width, request.height, request.count, start.strength) == (16, 16, 2, 0.5))
        #expect(Array(start.pixels.prefix(3)) == [200, 100, 50] && start.pixels.count == 16 * 16 * 3)
        let area = try #require(start.mask)
        #expect(area[0] == 255 && area[15] == 0 && area.count == 16 * 16)
    }

    @Test("An edit without a picture, or with something else in its place, is refused")
    func editFaults() throws {
        let without = form([("prompt", Array("p".utf8))])
        let other = form([("image", Array("no picture".utf8)), ("prompt", Array("p".utf8))])
        for (form, code) in [(without, "missing_field"), (other, "invalid_picture")] {
            let response = try service.respond(
                .post, "/v1/images/edits", headers: [.contentType: form.type], body: form.body)
            #expect(response.status == .badRequest)
            #expect(try JSON(parsing: DrawingService.bytes(response))["code"]?.string == code)
        }
        #expect(try service.ask(.post, "/v1/images/edits", "{}").response.status == .unsupportedMediaType)
    }

    @Test("A base that does not draw, and a service that does not, say so")
    func cannotDraw() throws {
        let unable = try DrawingService(unable: ["tiny"])
        let refused = try unable.ask(.post, "/v1/images/generations", #"{"prompt":"p","model":"tiny"}"#)
        #expect(refused.response.status == .unprocessableContent)
        #expect(refused.json["code"]?.string == "cannot_draw")
        #expect(
            try unable.ask(.post, "/v1/images/generations", #"{"prompt":"p"}"#).json["code"]?.string == "cannot_draw")
        let none = try DrawingService(draws: false).ask(.post, "/v1/images/generations", #"{"prompt":"p"}"#)
        #expect(none.response.status == .notImplemented)
    }

    @Test("A client that goes away takes its drawing with it")
    func clientGone() throws {
        let service = try DrawingService(isStepwise: true)
        let ended = DispatchSemaphore(value: 0)
        let gone = DispatchSemaphore(value: 0)
        let thread = { @Sendable () -> Void in
            // The client has closed when the test has said so once.
            let isGone: @Sendable () -> Bool = {
                guard gone.wait(timeout: .now()) == .success else { return false }
                gone.signal()
                return true
            }
            _ = try? service.respond(
                .post, "/v1/images/generations", body: Array(#"{"prompt":"p","steps":500}"#.utf8), isClientGone: isGone)
            ended.signal()
        }
        DispatchQueue.global().async(execute: thread)
        service.painter.arrived.wait()
        let job = try #require(service.application.drawing?.queue.running.first)
        gone.signal()
        // One step after another, until it is noticed.
        var isEnded = false
        for _ in 0..<499 where !isEnded {
            service.painter.gate.signal()
            isEnded = ended.wait(timeout: .now() + 0.5) == .success
        }
        #expect(isEnded)
        #expect(job.status.word == "cancelled")
    }
}
