import HTTPTypes
import Testing
import UmbelFormats
import UmbelHTTP
import UmbelImages

@testable import UmbelServer

@Suite("POST /v1/sweep", .timeLimit(.minutes(1)))
struct SweepRoutesTests {
    private let service: DrawingService

    init() throws {
        service = try DrawingService()
        try service.put("ink")
    }

    private func sweep(_ rest: String, headers: HTTPFields = [:]) throws -> (response: Response, json: JSON) {
        try service.ask(.post, "/v1/sweep", headers: headers, #"{"prompt":"p","seed":1,"model":"tiny",\#(rest)}"#)
    }

    @Test("Two axes are columns and rows, in the order in which they are written")
    func grid() throws {
        let answer = try sweep(#""adapter":"ink","axes":{"scales":[0,0.5,1],"steps":[1,2],"guidance":[3]}"#)
        #expect(answer.response.status == .ok, "\(answer.json.text)")
        #expect(answer.json["columns"]?["axis"]?.string == "scales" && answer.json["rows"]?["axis"]?.string == "steps")
        let pictures = try #require(answer.json["pictures"]?.array)
        #expect(pictures.map { $0["column"]?.integer } == [0, 1, 2, 0, 1, 2])
        #expect(pictures.map { $0["row"]?.integer } == [0, 0, 0, 1, 1, 1])
        #expect(pictures.map { $0["steps"]?.integer } == [1, 1, 1, 2, 2, 2])
        #expect(pictures.allSatisfy { $0["guidance_scale"]?.integer == 3 })
        #expect(Set(pictures.compactMap { $0["variant"]?.string }).count == 3)
        #expect(service.painter.requests.count == 6 && service.painter.requests.allSatisfy { $0.seed == 1 })
        let sheet = try PictureFile(
            decoding: try #require(answer.json["sheet"]?["b64_json"]?.string.flatMap(Base64.bytes)))
        #expect(sheet.picture.width > 3 * 16 && sheet.picture.height > 2 * 16)
    }

    @Test("Models are swept too, and an adapter's scale takes the place of the model's own")
    func models() throws {
        let answer = try sweep(#""adapter":"ink","axes":{"models":["tiny","tiny+ink:0.3"],"scales":[0.5]}"#)
        let variants = try #require(answer.json["pictures"]?.array).compactMap { $0["variant"]?.string }
        #expect(variants.count == 2 && Set(variants).count == 1, "both are tiny+ink:0.5")
        let stepped = try sweep(#""axes":{"models":["tiny","tiny+ink:0,1@0.5"]}"#)
        #expect(stepped.response.status == .ok, "\(stepped.json.text)")
    }

    @Test("Whoever accepts only a picture gets the sheet")
    func sheet() throws {
        let answer = try service.respond(
            .post, "/v1/sweep", headers: [.accept: "image/png"],
            body: Array(#"{"prompt":"p","model":"tiny","axes":{"steps":[1,2]}}"#.utf8))
        #expect(answer.headers[.contentType] == "image/png")
        #expect(PictureFormat.of(DrawingService.bytes(answer)) == .png)
    }

    @Test("As a job, a sweep is one, and its sheet is below it")
    func job() throws {
        let id = try service.start(#"{"prompt":"p","model":"tiny","axes":{"steps":[1,2]}}"#, at: "/v1/sweep")
        try service.end(id)
        let job = try service.ask(.get, "/v1/jobs/\(id)").json
        #expect(job["kind"]?.string == "sweep")
        #expect(job["result"]?["pictures"]?.array?.count == 2)
        let sheet = try service.respond(.get, try #require(job["result"]?["sheet"]?.string))
        #expect(PictureFormat.of(DrawingService.bytes(sheet)) == .png)
    }

    static let faults: [(rest: String, status: Int, code: String)] = [
        (#""size":"16x16""#, 400, "missing_field"), (#""axes":[]"#, 400, "invalid_field"),
        (#""axes":{"step":[1]}"#, 400, "unknown_field"), (#""axes":{"steps":[]}"#, 400, "invalid_field"),
        (#""axes":{"steps":[0]}"#, 400, "invalid_field"), (#""axes":{"scales":[1,2]}"#, 400, "missing_field"),
        (#""adapter":"ink","axes":{"scales":["x"]}"#, 400, "invalid_field"),
        (#""adapter":"none","axes":{"scales":[1]}"#, 404, "unknown_adapter"),
        (#""adapter":"ink","axes":{"scales":[0,1],"steps":[1,2],"guidance":[1,2]}"#, 422, "too_many_axes"),
        (#""axes":{"steps":[1,2,3,4,5,6,7,8,9],"guidance":[1,2,3,4,5,6,7,8]}"#, 422, "too_many_cells"),
        (#""n":2,"axes":{"steps":[1,2]}"#, 400, "unknown_field"),
    ]

    @Test("What no sheet can show is refused", arguments: faults.indices)
    func fault(_ index: Int) throws {
        let fault = Self.faults[index]
        let answer = try sweep(fault.rest)
        #expect(answer.response.status.code == fault.status, "\(answer.json.text)")
        #expect(answer.json["code"]?.string == fault.code, "\(answer.json.text)")
    }
}
