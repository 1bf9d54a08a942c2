internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelImages
internal import UmbelModels

/// `/sdapi/v1`: drawing by the calls of the Stable Diffusion web UIs.
enum WebUIRoutes {
    static let all = [
        Route(
            .post, "/sdapi/v1/txt2img", "Web UIs: draw {\"prompt\", \"steps\", \"cfg_scale\", \"sampler_name\", …}",
            handler: { try draw($0, beginsFromPicture: false) }),
        Route(
            .post, "/sdapi/v1/img2img", "Web UIs: draw beginning from a picture {\"init_images\", \"mask\", …}",
            handler: { try draw($0, beginsFromPicture: true) }),
        Route(
            .get, "/sdapi/v1/progress", "Web UIs: how far the drawing under way is",
            parameters: [.init("skip_current_image", "true: without a picture of what is there")], handler: progress),
        Route(.post, "/sdapi/v1/interrupt", "Web UIs: cancel what is drawn for these calls", handler: interrupt),
        Route(.post, "/sdapi/v1/png-info", "Web UIs: what a picture was made of {\"image\"}", handler: pictureText),
    ]

    private static func draw(_ call: Call, beginsFromPicture: Bool) throws -> Response {
        let body = try call.json(limit: PictureInput.bodyLimit)
        guard let members = body.members else {
            throw RequestError.invalidField(name: "body", expected: "a JSON object")
        }
        let fields = BodyFields(members)
        let request = try WebUIRequest(fields, beginsFromPicture: beginsFromPicture)
        if beginsFromPicture, fields.given("init_images") == nil { throw RequestError.missingField("init_images") }
        var drawings = try request.requests()
        var networks = PromptNetworks(call.engine)
        // The pictures' text keeps the tags, which the model does not see.
        let written = drawings[0].prompt
        if try fields.flag("disable_extra_networks") != true {
            let prompt = try networks.take(from: written, steps: drawings[0].steps)
            guard try NetworkTag.extract(from: drawings[0].negativePrompt).tags.isEmpty else {
                throw PromptNetworkError.negative
            }
            for index in drawings.indices { drawings[index].prompt = prompt }
        }
        if let list = fields.given("lora") { try networks.take(list: list) }
        let name = try request.checkpoint ?? WebUICheckpoint.name(call)
        let model = try call.drawingModel(WebUICheckpoint.reference(name), and: networks.terms)
        let task = DrawingTask(
            drawings.map { .init($0, with: model.stepped, name: model.name, prompt: written) }, door: .webUI)
        return try call.drawn(task, model.resolved) { job, status in
            let images = try request.sendsImages ? status.pictures.map { try PictureOutput().file($0, of: job) } : []
            return .json(
                .ok,
                [
                    "images": .array(images.map { .string(Base64.text($0)) }), "parameters": parameters(members),
                    "info": .string(WebUIInfo.object(job, status, prompt: written).text),
                ])
        }
    }

    /// What was asked for, without the pictures in it.
    private static func parameters(_ members: [JSON.Member]) -> JSON {
        .object(members.map { ["init_images", "mask"].contains($0.name) ? .init($0.name, .null) : $0 })
    }

    private static func progress(_ call: Call) throws -> Response {
        let jobs = try call.desk.queue.running
        guard let job = jobs.first(where: { $0.task.door == .webUI }) ?? jobs.first else {
            return .json(.ok, WebUIInfo.idle)
        }
        return .json(.ok, WebUIInfo.progress(job, hasPicture: try !call.flag("skip_current_image")))
    }

    private static func interrupt(_ call: Call) throws -> Response {
        let queue = try call.desk.queue
        for job in queue.running where job.task.door == .webUI { queue.cancel(job) }
        return .json(.ok, .object([]))
    }

    private static func pictureText(_ call: Call) throws -> Response {
        let fields = try call.fields(limit: PictureInput.bodyLimit)
        try fields.check(known: ["image"])
        let bytes = try WebUIRequest.bytes(try fields.string("image", "a picture in base64"), "image")
        let texts: [String: String]
        do throws(PictureError) {
            texts = try PictureFile.text(of: bytes)
        } catch {
            throw PictureInputError(field: "image", error)
        }
        let info = texts[PictureFile.parametersKey] ?? ""
        let parameters = GenerationParameters(text: info)
        var members: [JSON.Member] = [
            .init("Prompt", .string(parameters.prompt)), .init("Negative prompt", .string(parameters.negativePrompt)),
        ]
        members += parameters.settings.map { .init($0.name, .string($0.value)) }
        let items = texts.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) }
        return .json(
            .ok,
            [
                "info": .string(info), "items": .object(items),
                "parameters": info.isEmpty ? .object([]) : .object(members),
            ])
    }
}
