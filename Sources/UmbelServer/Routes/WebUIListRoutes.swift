internal import HTTPTypes
internal import Synchronization
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelModels
internal import UmbelRegistry

/// `/sdapi/v1`: what there is to draw with, by the calls of the web UIs.
enum WebUIListRoutes {
    static let all = [
        Route(.get, "/sdapi/v1/loras", "Web UIs: the adapters that a prompt can name", handler: adapters),
        Route(
            .post, "/sdapi/v1/refresh-loras", "Web UIs: nothing to do, the list is always fresh",
            handler: { _ in .json(.ok, .null) }),
        Route(
            .get, "/sdapi/v1/embeddings",
            "Web UIs: the textual inversions that a prompt can name, and those that do not fit",
            handler: embeddings),
        Route(.get, "/sdapi/v1/sd-models", "Web UIs: the bases that draw", handler: models),
        Route(.get, "/sdapi/v1/samplers", "Web UIs: names of samplers", handler: samplers),
        Route(.get, "/sdapi/v1/schedulers", "Web UIs: names of noise schedules", handler: schedulers),
        Route(.get, "/sdapi/v1/options", "Web UIs: the model that is drawn with", handler: options),
        Route(
            .post, "/sdapi/v1/options", "Web UIs: choose the model that is drawn with {\"sd_model_checkpoint\"}",
            handler: choose),
    ]

    private static func adapters(_ call: Call) throws -> Response {
        let records = call.engine.adapters.all().filter { !call.engine.hasOnlyEmbeddings($0) }
        let items = records.map { record -> JSON in
            [
                "name": .string(record.name), "alias": .string(record.name),
                "path": .string("\(record.name).safetensors"), "metadata": ["sha256": .string(record.digest)],
            ]
        }
        return .json(.ok, .array(items))
    }

    /// Of the model that is drawn with: those of its adapters, and all that are stored.
    private static func embeddings(_ call: Call) throws -> Response {
        let model = try call.drawingModel(WebUICheckpoint.reference(try WebUICheckpoint.name(call))).stepped
        let loaded = model.words.embeddings.map { JSON.Member($0.name, EmbeddingView.webUI($0)) }
        let widths = model.first.model.base.textWidths
        var skipped = model.words.unreadable.map { JSON.Member($0.name, EmbeddingView.webUI($0.facts)) }
        for record in call.engine.adapters.all() where call.engine.hasOnlyEmbeddings(record) {
            // One that cannot be read is told of above, if it fits; one that is removed meanwhile is none.
            guard let content = try? call.engine.adapter(record.name).content else { continue }
            for case .success(let embedding) in content.embeddings(called: record.name)
            where embedding.misfit(widths) != nil {
                skipped.append(.init(embedding.name, EmbeddingView.webUI(embedding)))
            }
        }
        return .json(.ok, ["loaded": .object(loaded), "skipped": .object(skipped)])
    }

    private static func models(_ call: Call) throws -> Response {
        let painter = try call.desk.queue.painter
        let items = call.engine.bases.filter { painter.canDraw($0.name) }.map { base -> JSON in
            // Whoever lists models does not wait for a base to be read.
            let digest = base.isRead ? try? call.engine.digest(of: base) : nil
            return [
                "title": .string(base.name), "model_name": .string(base.name),
                "hash": JSON(digest.map { String($0.prefix(10)) }), "sha256": JSON(digest),
                "filename": .string(base.name), "config": .null,
            ]
        }
        return .json(.ok, .array(items))
    }

    private static func samplers(_ call: Call) -> Response {
        let items = SamplerNames.samplers.map { sampler -> JSON in
            ["name": .string(sampler.name), "aliases": JSON(sampler.aliases), "options": .object([])]
        }
        return .json(.ok, .array(items))
    }

    private static func schedulers(_ call: Call) -> Response {
        let items = SamplerNames.Spacing.allCases.map { spacing -> JSON in
            [
                "name": .string(spacing.name), "label": .string(spacing.rawValue), "aliases": .null,
                "default_rho": -1, "need_inner_model": false,
            ]
        }
        return .json(.ok, .array(items))
    }

    private static func options(_ call: Call) throws -> Response {
        .json(
            .ok,
            [
                "sd_model_checkpoint": .string(try WebUICheckpoint.name(call)), "samples_format": "png",
                "CLIP_stop_at_last_layers": 1, "randn_source": "GPU",
            ])
    }

    private static func choose(_ call: Call) throws -> Response {
        let fields = try call.fields()
        try fields.check(known: ["sd_model_checkpoint"])
        let title = try fields.string("sd_model_checkpoint", "a model")
        let name = WebUICheckpoint.reference(title)
        // What cannot be drawn with is refused here, not at the next picture.
        _ = try call.drawingModel(name)
        try call.desk.checkpoint.withLock { $0 = name }
        return .json(.ok, .null)
    }
}
