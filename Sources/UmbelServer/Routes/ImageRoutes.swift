internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelImages
internal import UmbelModels
internal import UmbelRegistry

/// `/v1/images`: pictures by OpenAI's calls, with fields of ours beside theirs.
enum ImageRoutes {
    private static let prefer = Route.Parameter("Prefer", in: .header, "respond-async: answer with a job at once")

    static let all = [
        Route(
            .post, "/v1/images/generations",
            "Draw: {\"prompt\", \"model\", \"n\", \"size\", \"response_format\", \"output_format\", \"seed\", \"steps\", …}",
            parameters: [prefer], statuses: [200, 202], speaksOpenAI: true, handler: generate),
        Route(
            .post, "/v1/images/edits",
            "Draw beginning from a picture, a form: image, mask, prompt, strength and the fields of generations",
            parameters: [prefer], statuses: [200, 202], speaksOpenAI: true, handler: edit),
    ]

    private static let openAIFields = [
        "model", "n", "size", "response_format", "output_format", "output_compression", "background", "quality", "user",
        "stream",
    ]
    private static let fields = DrawingFields.prompts + DrawingFields.settings + openAIFields

    private static func generate(_ call: Call) throws -> Response {
        let fields = try call.fields()
        try fields.check(known: Self.fields)
        let options = try ImageOptions(fields)
        var request = try DrawingFields.request(fields)
        if let size = try DrawingFields.size(fields) { (request.width, request.height) = (size.width, size.height) }
        return try draw(request, options, call)
    }

    private static func edit(_ call: Call) throws -> Response {
        let form = try ImageForm(call)
        let fields = form.fields
        try fields.check(known: Self.fields + ["strength"])
        guard let image = form.image else { throw RequestError.missingField("image") }
        let options = try ImageOptions(fields)
        var request = try DrawingFields.request(fields)
        let size = try DrawingFields.size(fields) ?? PictureInput.size(of: image)
        (request.width, request.height) = (size.width, size.height)
        request.start = PictureInput.start(
            image, strength: try fields.number("strength", in: 0...1) ?? 0.75, mask: form.mask, .transparent,
            width: size.width, height: size.height)
        return try draw(request, options, call)
    }

    private static func draw(_ request: DrawingRequest, _ options: ImageOptions, _ call: Call) throws -> Response {
        var (request, call) = (request, call)
        request.count = options.count
        call.user = options.user
        let model = try call.drawingModel(options.model)
        let task = DrawingTask([.init(request, with: model.stepped, name: model.name)], door: .images)
        return try call.drawn(task, model.resolved) { job, status in
            .json(.ok, try object(job, status, options))
        }
    }

    private static func object(_ job: DrawingJob, _ status: DrawingStatus, _ options: ImageOptions) throws -> JSON {
        let data = try status.pictures.enumerated().map { number, item -> JSON in
            let content: JSON.Member =
                switch options.form {
                case .url: .init("url", .string(JobView.picturePath(job, number) + options.urlQuery))
                case .base64: .init("b64_json", .string(Base64.text(try options.output.file(item, of: job))))
                }
            return .object([content, .init("seed", JobView.seed(item.picture.seed))])
        }
        var members: [JSON.Member] = [
            .init("created", JSON(status.created.seconds)), .init("data", .array(data)),
            .init("output_format", .string(options.output.format.rawValue)), .init("background", "opaque"),
        ]
        if let first = status.pictures.first?.picture {
            members.append(.init("size", .string("\(first.width)x\(first.height)")))
        }
        return .object(members)
    }
}

/// The fields of OpenAI's that say how the answer looks.
struct ImageOptions {
    enum Form: String, CaseIterable {
        case base64 = "b64_json"
        case url
    }

    var model: String?
    var count = 1
    var form = Form.base64
    var output = PictureOutput()
    var user: String?

    init(_ fields: BodyFields) throws {
        model = try fields.text("model")
        if let count = try fields.integer("n", in: DrawingFields.Limits.pictures) { self.count = count }
        if let form: Form = try fields.choice("response_format") { self.form = form }
        if let format: PictureFormat = try fields.choice("output_format") { output.format = format }
        if let quality = try fields.integer("output_compression", in: 0...100) { output.quality = max(1, quality) }
        user = try fields.text("user")
        try fields.require("background", ["auto", "opaque"], "“auto” or “opaque”: pictures have no transparency")
        // What quality means is for steps to say.
        _ = try fields.text("quality")
        try fields.require(
            "stream", [false], "false: follow a job's events instead (Prefer: respond-async, GET /v1/jobs/{id}/events)")
    }

    /// What a picture's address needs to give it in the same form.
    var urlQuery: String {
        switch output.format {
        case .png: ""
        case .jpeg, .webp: "?format=\(output.format.rawValue)&quality=\(output.quality)"
        }
    }
}
