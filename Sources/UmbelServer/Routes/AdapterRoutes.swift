internal import HTTPTypes
internal import UmbelAdapters
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelPOSIX
internal import UmbelRegistry

/// `/v1/adapters`: upload, list, look at, fetch and delete adapters.
enum AdapterRoutes {
    private static let uploadParameters: [Route.Parameter] = [
        .init("allow_unmatched", "true: store the adapter although a part of it finds no place in the base"),
        .init("prefix", "what a prefix of the file's names stands for, as lora_te1=text_encoder", isRepeatable: true),
        .init("base", "the base it must fit; none: store it unchecked"),
        .init("label", "a label to keep with the name, as team:x; others stay", isRepeatable: true),
        .init("If-None-Match", in: .header, "*: refuse to overwrite"),
        .init("If-Match", in: .header, "the digest that the name must point to now"),
    ]

    static let all = [
        Route(
            .put, "/v1/adapters/{name}", "Upload an adapter, or point the name to new content",
            parameters: uploadParameters, statuses: [200, 201], handler: put),
        Route(
            .post, "/v1/adapters", "Upload an adapter as multipart/form-data, or make one of blobs by JSON",
            parameters: uploadParameters,
            statuses: [200, 201], handler: post),
        Route(
            .get, "/v1/adapters", "List the adapters",
            parameters: [
                .init("limit", "how many at most, 1 to 1000"), .init("cursor", "next_cursor of the page before"),
                .init("label", "only those with this label, as team:x; all given must be there", isRepeatable: true),
            ],
            handler: list),
        Route(
            .get, "/v1/adapters/{name}", "One adapter, with what each of its modules does to the base it fits best",
            parameters: [.init("effects", "false: leave out the numbers, which are computed at the first call")],
            handler: get),
        Route(
            .get, "/v1/adapters/{name}/content", "The stored tensor file", statuses: [200, 206, 304], handler: content),
        Route(
            .patch, "/v1/adapters/{name}", "Change labels: null takes one away, others stay",
            parameters: [.init("If-Match", in: .header, "the digest that the name must point to now")], handler: patch),
        Route(
            .delete, "/v1/adapters/{name}", "Forget a name, and its content if no other name points there",
            parameters: [
                .init("force", "true: forget the name although a route uses it; the route keeps the content"),
                .init("If-Match", in: .header, "the digest that the name must point to now"),
            ], statuses: [204], handler: delete),
    ]

    // MARK: Upload

    private static func put(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        guard Name.isValid(name) else { throw EngineError.invalidName(name) }
        // What will be refused anyway is refused before the body is asked for; the store checks again.
        try Preconditions(call.request).check(name, call.engine.adapters.record(name)?.digest)
        let upload = try call.engine.adapters.beginUpload()
        var reading: EarlyReading?
        if isMultipart(call.request) {
            _ = try receiveForm(call, into: upload)
        } else {
            reading = try receiveBody(call, into: upload)
        }
        return try store(upload, reading, as: name, call)
    }

    private static func post(_ call: Call) throws -> Response {
        if isJSON(call.request) { return try adopt(call) }
        guard isMultipart(call.request) else {
            throw RequestError.unsupportedMediaType(call.request.headers[.contentType] ?? "no type")
        }
        let upload = try call.engine.adapters.beginUpload()
        let form = try receiveForm(call, into: upload)
        guard let name = form.name ?? form.fileName else { throw RequestError.missingField("name") }
        return try store(upload, as: name, call)
    }

    private static func isMultipart(_ request: Request) -> Bool {
        request.headers[.contentType]?.lowercased().hasPrefix("multipart/") ?? false
    }

    private static func isJSON(_ request: Request) -> Bool {
        request.headers[.contentType]?.lowercased().hasPrefix("application/json") ?? false
    }

    /// An adapter of blobs that are here.
    private static func adopt(_ call: Call) throws -> Response {
        let request = try BlobAdapter(call.json())
        let upload = try call.engine.adapters.beginUpload(tensors: request.tensors, config: request.config)
        return try store(upload, as: request.name, labels: request.labels, call)
    }

    /// - Returns: the reading of the file, begun while it arrived.
    private static func receiveBody(_ call: Call, into upload: Upload) throws -> EarlyReading? {
        let headers = call.request.headers
        guard headers[.contentLength] != nil || headers[.transferEncoding] != nil else {
            throw RequestError.lengthRequired
        }
        let body = call.request.body
        body.limit = call.application.limits.uploadBytes
        // A length that is refused is refused by the first read, before it is given to a file.
        let length = body.declaredLength.flatMap { $0 <= body.limit ? $0 : nil }
        let reading = try length.flatMap { try EarlyReading(upload, bytes: $0) }
        try copy(from: { try body.read(into: $0) }, to: { try upload.write($0) })
        try upload.finish()
        return reading
    }

    /// Fields whose content is a PEFT adapter's settings, whatever the file is called.
    private static let configFields = ["config", AdapterFile.configName, "adapter_config"]

    /// Takes the tensor file and the settings out of a form; `name` and the file's own name as they come.
    private static func receiveForm(_ call: Call, into upload: Upload) throws -> (name: String?, fileName: String?) {
        let body = call.request.body
        body.limit = call.application.limits.uploadBytes
        var form = try MultipartReader(contentType: call.request.headers[.contentType] ?? "", body: body)
        var name: String?
        var fileName: String?
        while let part = try form.nextPart() {
            if part.name == "name", part.filename == nil {
                name = String(decoding: try form.readAll(limit: 1024), as: UTF8.self)
            } else if part.filename == AdapterFile.configName || configFields.contains(part.name) {
                try upload.setConfig(try form.readAll(limit: 16 << 20))
            } else if let file = part.filename, file.hasSuffix(".safetensors") || fileName == nil {
                if let format = ForeignFormat(fileName: file) {
                    throw EngineError.adapterFile(.notSafetensors(format: format))
                }
                guard fileName == nil else {
                    throw RequestError.invalidField(name: part.name, expected: "one .safetensors file")
                }
                fileName = file
                try copy(from: { try form.read(into: $0) }, to: { try upload.write($0) })
            } else if let file = part.filename {
                throw RequestError.invalidField(
                    name: part.name, expected: "a .safetensors file or \(AdapterFile.configName), not \(file)")
            }
        }
        guard let fileName else { throw RequestError.multipartWithoutFile }
        try upload.finish()
        let stem = fileName.hasSuffix(".safetensors") ? String(fileName.dropLast(".safetensors".count)) : fileName
        return (name, stem)
    }

    static func copy(
        from read: (UnsafeMutableRawBufferPointer) throws -> Int, to write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try read(buffer)
            if count == 0 { return }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func store(
        _ upload: Upload, _ reading: EarlyReading? = nil, as name: String, labels: [String: String] = [:], _ call: Call
    ) throws -> Response {
        let preconditions = Preconditions(call.request)
        let labels = labels.merging(try self.labels(call)) { $1 }
        let (record, content, isNew) = try call.engine.add(
            upload, reading: reading, as: name, options: try options(call), labels: labels
        ) { old throws(EngineError) in
            try preconditions.check(name, old?.digest)
        }
        return answer(record, content, isNew ? .created : .ok, call)
    }

    /// An adapter object, with where it is and what its name points to.
    static func answer(
        _ record: AdapterRecord, _ content: LoadedAdapter, _ status: HTTPResponse.Status, _ call: Call
    ) -> Response {
        .json(
            status, AdapterView.object(record, content, in: call.engine),
            headers: [.eTag: "\"sha256:\(record.digest)\"", .location: "/v1/adapters/\(record.name)"])
    }

    private static func labels(_ call: Call) throws -> [String: String] {
        var labels: [String: String] = [:]
        for text in call.queryValues("label") {
            guard let (name, value) = Label.parse(text) else {
                throw RequestError.invalidParameter(name: "label", value: text, expected: "name:value")
            }
            labels[name] = value
        }
        return labels
    }

    private static func options(_ call: Call) throws -> AdapterOptions {
        var options = AdapterOptions()
        options.allowsUnmatched = try call.flag("allow_unmatched")
        for text in call.queryValues("prefix") {
            guard let prefix = Prefix(text) else {
                throw RequestError.invalidParameter(name: "prefix", value: text, expected: "prefix=component")
            }
            options.prefixes.append(prefix)
        }
        switch call.query("base") {
        case nil: break
        case "none": options.isWithoutBase = true
        case let name: options.base = name
        }
        return options
    }

    // MARK: Look at

    private static func list(_ call: Call) throws -> Response {
        var limit = 100
        if let text = call.query("limit") {
            guard let value = Int(text), (1...1000).contains(value) else {
                throw RequestError.invalidParameter(name: "limit", value: text, expected: "a number from 1 to 1000")
            }
            limit = value
        }
        let found = call.engine.allAdapters(
            after: call.query("cursor") ?? "", limit: limit + 1, labels: try labels(call))
        let page = found.prefix(limit)
        let objects = page.map { AdapterView.listed($0, in: call.engine) }
        return .json(
            .ok,
            [
                "object": "list", "data": .array(objects),
                "next_cursor": found.count > page.count ? JSON(page.last?.record.name) : .null,
            ])
    }

    private static func get(_ call: Call) throws -> Response {
        let (record, loaded) = try call.engine.adapter(call.parameter("name"))
        var effects: [String: [ModuleEffect]] = [:]
        let isWanted = call.query("effects") == nil ? true : try call.flag("effects")
        if isWanted, let best = call.engine.best(loaded, call.engine.usableBases, record.options),
            loaded.binding(to: best, prefixes: record.options.prefixes).report
                .refusal(allowsUnmatched: record.options.allowsUnmatched) == nil
        {
            effects[best.name] = try call.engine.effects(loaded, record.options, on: best)
        }
        let object = AdapterView.object(record, loaded, in: call.engine, effects: effects)
        return .json(.ok, object, headers: [.eTag: "\"sha256:\(record.digest)\""])
    }

    private static func content(_ call: Call) throws -> Response {
        let (record, file) = try call.engine.file(of: call.parameter("name"))
        let representation = Representation(
            etag: "sha256:" + record.digest,
            headers: [.contentDisposition: "attachment; filename=\"\(record.name).safetensors\""])
        return serve(MappedSource(file: file), as: representation, for: call.request)
    }

    private static func delete(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let (preconditions, isForced, engine) = (Preconditions(call.request), try call.flag("force"), call.engine)
        try engine.remove(name) { record throws(EngineError) in
            try preconditions.check(name, record.digest)
            let routes = isForced ? [] : engine.routes(using: record)
            guard routes.isEmpty else { throw .traffic(.adapterInUse(adapter: name, routes: routes)) }
        }
        return Response(.noContent)
    }

    private static func patch(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let changes = try LabelChanges(call.json())
        let preconditions = Preconditions(call.request)
        let record = try call.engine.setLabels(changes.labels, of: name) { record throws(EngineError) in
            try preconditions.check(name, record.digest)
        }
        return answer(record, try call.engine.adapter(name).content, .ok, call)
    }
}
