package import UmbelAdapters
internal import UmbelEngine
package import UmbelFormats
internal import UmbelRegistry
internal import UmbelTensor

/// An adapter as JSON: the contract's fields, and the report in which every key of the file is accounted for.
package enum AdapterView {
    /// The adapter object.
    ///
    /// - Parameter effects: numbers for each module by base, where they were computed.
    static func object(
        _ record: AdapterRecord, _ loaded: LoadedAdapter, in engine: Engine, effects: [String: [ModuleEffect]]? = nil
    ) -> JSON {
        let adapter = loaded.adapter
        let bindings = engine.bases.map { ($0, loaded.binding(to: $0, prefixes: record.options.prefixes)) }
        let best = engine.best(loaded, engine.usableBases, record.options)
        let bestBinding = best.map { loaded.binding(to: $0, prefixes: record.options.prefixes) }
        var members = kept(record)
        members += summary(adapter, bestBinding?.report)
        members += [
            .init("allow_unmatched", .bool(record.options.allowsUnmatched)),
            .init("prefixes", JSON(record.options.prefixes.map(\.text))),
            .init(
                "bases",
                adapter.hasOnlyEmbeddings
                    ? EmbeddingView.coverage(loaded, engine.bases)
                    : .array(bindings.map { base, binding in coverage(base.name, binding.report) })),
            .init("embeddings", EmbeddingView.list(record.name, loaded, engine.bases)),
        ]
        if let bestBinding, let best {
            members.append(.init("report", report(bestBinding.report, base: best.name, effects: effects?[best.name])))
        }
        return .object(members)
    }

    /// The adapter object in a list: what the registry keeps is there even if the content cannot be read.
    static func listed(_ listed: Engine.Listed, in engine: Engine) -> JSON {
        switch listed.content {
        case .success(let content): object(listed.record, content, in: engine)
        case .failure(let error): .object(kept(listed.record) + [.init("problem", Problem(error).json)])
        }
    }

    /// What the registry keeps of a name.
    private static func kept(_ record: AdapterRecord) -> [JSON.Member] {
        let labels = record.labels.sorted { $0.key < $1.key }
        return [
            .init("name", JSON(record.name)), .init("digest", .string("sha256:" + record.digest)),
            .init("bytes", JSON(record.bytes)), .init("created", .string(record.created.text)),
            .init("generation", JSON(record.generation)),
            .init("labels", .object(labels.map { .init($0.key, .string($0.value)) })),
            .init("tags", JSON(record.tags.keys.sorted())),
        ]
    }

    /// What the file itself tells.
    package static func summary(_ adapter: Adapter, _ report: BindingReport?) -> [JSON.Member] {
        var algorithms = Dictionary(grouping: adapter.modules) { $0.algorithm.name }.mapValues(\.count)
        if adapter.hasOnlyEmbeddings { algorithms[adapter.format.rawValue] = adapter.embeddings.count }
        let ranks = adapter.modules.compactMap { $0.algorithm.rank(of: $0.factors) }
        let notes = report?.notes ?? adapter.notes
        let found = report.map { Set($0.matches.compactMap { $0.dora?.axis }) } ?? adapter.doraAxes
        let axes = found.map(\.rawValue).sorted()
        return [
            .init("format", .string(adapter.format.rawValue)),
            .init(
                "algorithms", .object(algorithms.sorted { $0.key < $1.key }.map { .init($0.key, JSON($0.value)) })),
            .init("modules", JSON(adapter.hasOnlyEmbeddings ? adapter.embeddings.count : adapter.modules.count)),
            .init("rank", ranks.isEmpty ? .null : ["min": JSON(ranks.min() ?? 0), "max": JSON(ranks.max() ?? 0)]),
            .init("dtype", .string(adapter.dtype.rawValue)),
            .init("dora", axes.isEmpty ? .null : ["axis": .string(axes.joined(separator: "+"))]),
            .init("metadata", .object(adapter.metadata.map { .init($0.name, .string($0.value)) })),
            .init("warnings", .array(notes.map(warning))),
        ]
    }

    private static func warning(_ note: AdapterNote) -> JSON {
        ["code": .string(note.code.rawValue), "message": .string(note.sentence), "keys": JSON(note.keys)]
    }

    package static func coverage(_ base: String, _ report: BindingReport) -> JSON {
        [
            "base": .string(base), "matched": JSON(report.matches.count), "modules": JSON(report.modules),
            "unmatched": .array(report.unmatched.map(unmatched)),
            "unknown_keys": JSON(report.unknownKeys), "ambiguous": .array(report.ambiguities.map(ambiguity)),
            "shape_errors": .array(report.errors.map(\.json)),
        ]
    }

    private static func unmatched(_ item: BindingReport.Unmatched) -> JSON {
        ["module": .string(item.stem), "keys": JSON(item.keys), "nearest": JSON(item.nearest)]
    }

    private static func ambiguity(_ item: BindingReport.Ambiguity) -> JSON {
        ["modules": JSON(item.stems), "may_mean": JSON(item.modules)]
    }

    /// Every module that found its place, with its settings and, where computed, its effect.
    package static func report(_ report: BindingReport, base: String, effects: [ModuleEffect]?) -> JSON {
        let byStem = Dictionary((effects ?? []).map { ($0.stem, $0) }, uniquingKeysWith: { first, _ in first })
        return [
            "base": .string(base),
            "modules": .array(
                report.matches.map { match in
                    var members: [JSON.Member] = [
                        .init("stem", .string(match.stem)), .init("component", .string(match.component)),
                        .init("module", .string(match.module)), .init("algorithm", .string(match.algorithm)),
                        .init("rank", match.rank.map { JSON($0) } ?? .null),
                        .init("alpha", match.alpha.map { JSON($0) } ?? .null),
                        .init(
                            "dora",
                            match.dora.map { ["axis": .string($0.axis.rawValue), "decided_by": .string($0.decidedBy)] }
                                ?? .null),
                    ]
                    if let effect = byStem[match.stem] {
                        members.append(.init("relative_change", effect.relativeChange.map { JSON($0) } ?? .null))
                        members.append(.init("has_effect", .bool(effect.changeNorm > 0)))
                    }
                    return .object(members)
                }),
        ]
    }

    /// One entry for each offending key or module, for a problem's `errors`.
    package static func problems(of report: BindingReport, base: String) -> [JSON] {
        let unmatched = report.unmatched.flatMap { item in
            item.keys.map { key -> JSON in
                ["base": .string(base), "code": "unmatched", "key": .string(key), "nearest": JSON(item.nearest)]
            }
        }
        let unknown = report.unknownKeys.map { key -> JSON in
            ["base": .string(base), "code": "key_unknown", "key": .string(key)]
        }
        let ambiguous = report.ambiguities.map { item -> JSON in
            [
                "base": .string(base), "code": "module_ambiguous", "modules": JSON(item.stems),
                "may_mean": JSON(item.modules),
            ]
        }
        let errors = report.errors.map { error -> JSON in
            ["base": .string(base), "code": .string(error.code), "message": .string(error.sentence)]
        }
        return errors + ambiguous + unmatched + unknown
    }
}
