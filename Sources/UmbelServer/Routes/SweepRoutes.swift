internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelImages
internal import UmbelModels
internal import UmbelRegistry

/// `/v1/sweep`: one prompt and seed over a grid of models, scales, steps or guidance.
enum SweepRoutes {
    static let all = [
        Route(
            .post, "/v1/sweep",
            "Draw a grid: {\"prompt\", \"seed\", \"model\", \"adapter\", \"axes\": {\"models\", \"scales\", \"steps\", \"guidance\"}, …}",
            parameters: [
                .init("Prefer", in: .header, "respond-async: answer with a job at once"),
                .init("Accept", in: .header, "image/png: the sheet alone"),
            ], statuses: [200, 202], handler: post)
    ]

    private static let fields =
        DrawingFields.prompts + DrawingFields.settings + ["model", "adapter", "size", "axes", "user"]

    private static func post(_ call: Call) throws -> Response {
        var call = call
        let fields = try call.fields()
        try fields.check(known: Self.fields)
        let grid = try SweepGrid(fields)
        var request = try DrawingFields.request(fields)
        if let size = try DrawingFields.size(fields) { (request.width, request.height) = (size.width, size.height) }
        call.user = try fields.text("user")
        let models = try SweepModels(fields, grid, call)
        let drawings = try grid.cells.map { try drawing($0, request, models) }
        let sheet = DrawingTask.Sheet(
            title: "\(request.prompt)  (seed \(request.seed))", columns: grid.columns?.values.map(\.label) ?? [""],
            rows: grid.rows?.values.map(\.label) ?? [])
        let task = DrawingTask(drawings.map(\.drawing), door: .sweep, sheet: sheet)
        call.engine.cache.expect(task.variants)
        return try call.drawn(task, drawings[0].model) { job, status in
            let png = try SweepSheet.file(of: job, status) ?? []
            if call.request.headers[.accept]?.hasPrefix("image/png") == true { return .picture(png, .png) }
            return .json(.ok, try object(job, status, grid, seed: request.seed, sheet: png))
        }
    }

    private static func drawing(
        _ cell: [SweepGrid.Value], _ request: DrawingRequest, _ models: SweepModels
    ) throws -> (drawing: DrawingTask.Drawing, model: ResolvedModel) {
        var request = request
        for value in cell {
            switch value {
            case .steps(let steps): request.steps = steps
            case .guidance(let guidance): request.guidance = guidance
            case .model, .scale: break
            }
        }
        let model = try models.model(for: cell)
        return (.init(request, with: model.stepped, name: model.name), model.resolved)
    }

    private static func object(
        _ job: DrawingJob, _ status: DrawingStatus, _ grid: SweepGrid, seed: UInt64, sheet: [UInt8]
    ) throws -> JSON {
        let columns = grid.columns?.values.count ?? 1
        let pictures = try status.pictures.enumerated().map { number, item -> JSON in
            let drawing = job.task.drawings[item.drawing]
            return [
                "column": JSON(number % columns), "row": JSON(number / columns), "model": .string(drawing.name),
                "variant": .string(drawing.model.first.id), "steps": JSON(drawing.request.steps),
                "guidance_scale": JSON(drawing.request.guidance),
                "b64_json": .string(Base64.text(try PictureOutput().file(item, of: job))),
            ]
        }
        return [
            "object": "sweep", "created": JSON(status.created.seconds), "job": .string(JobView.path(job)),
            "seed": JobView.seed(seed), "columns": line(grid.columns), "rows": line(grid.rows),
            "pictures": .array(pictures), "sheet": ["b64_json": .string(Base64.text(sheet))],
        ]
    }

    private static func line(_ line: SweepGrid.Line?) -> JSON {
        guard let line else { return .null }
        return ["axis": .string(line.axis.rawValue), "values": .array(line.values.map(\.json))]
    }
}

/// The models of a sweep's cells, each resolved once: a route under way to another model gives one to all cells.
final class SweepModels {
    private let call: Call
    private let model: String?
    private let adapter: String?
    private var known: [String: DrawingModel] = [:]

    init(_ fields: BodyFields, _ grid: SweepGrid, _ call: Call) throws {
        self.call = call
        model = try fields.text("model")
        adapter = try fields.text("adapter")
        if grid.variesScale, adapter == nil { throw RequestError.missingField("adapter") }
        if let adapter, !Name.isValid(adapter) {
            throw RequestError.invalidField(name: "adapter", expected: "an adapter's name")
        }
    }

    func model(for cell: [SweepGrid.Value]) throws -> DrawingModel {
        var name = model
        var scale: Scale?
        for value in cell {
            switch value {
            case .model(let text): name = text
            case .scale(let value): scale = value
            case .steps, .guidance: break
            }
        }
        let plain = try known(name ?? "") { try call.drawingModel(name) }
        guard let scale, let adapter else { return plain }
        return try known("\(plain.name):\(adapter):\(scale.text)") { try scaled(plain, adapter, scale) }
    }

    private func known(_ key: String, _ make: () throws -> DrawingModel) throws -> DrawingModel {
        if let model = known[key] { return model }
        let model = try make()
        known[key] = model
        return model
    }

    /// The model with another scale of an adapter, which is applied last if the model has it not.
    private func scaled(_ plain: DrawingModel, _ adapter: String, _ scale: Scale) throws -> DrawingModel {
        guard plain.stepped.stages.count == 1 else {
            throw RequestError.invalidField(
                name: "axes.scales", expected: "absent where a scale of the model changes with the steps")
        }
        let reference = plain.stepped.first.reference
        var isThere = false
        var entries = reference.entries.map { entry -> ModelReference.Entry in
            guard case .adapter(let term) = entry, term.adapter == adapter else { return entry }
            isThere = true
            return .adapter(.init(adapter: term.adapter, selector: term.selector, scale: scale, parts: term.parts))
        }
        if !isThere { entries.append(.adapter(.init(adapter: adapter, scale: scale))) }
        let variant = try call.engine.variant(ModelReference(base: reference.base, entries: entries))
        try call.engine.publish(variant)
        let words = try call.engine.embeddings(
            for: [variant], named: plain.words, of: entries.flatMap(\.terms))
        return DrawingModel(
            stepped: SteppedModel(variant, words: words), resolved: ResolvedModel(variant: variant),
            name: "\(plain.name), \(adapter):\(scale.text)")
    }
}
