internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelRegistry

/// What a name pointed to, and back there; and tags, which stay while the name moves on.
enum HistoryRoutes {
    private static let ifMatch = Route.Parameter(
        "If-Match", in: .header, "the digest that the name must point to now")
    private static let tagConditions: [Route.Parameter] = [
        .init("If-Match", in: .header, "the digest that the tag must stay with now"),
        .init("If-None-Match", in: .header, "*: refuse to move a tag that is there"),
    ]

    static let all = [
        Route(
            .get, "/v1/adapters/{name}/history", "What the name points to and pointed to, newest first",
            handler: history),
        Route(
            .post, "/v1/adapters/{name}/rollback", "Point the name to a content that it had", parameters: [ifMatch],
            handler: rollBack),
        Route(.get, "/v1/adapters/{name}/tags", "The tags of a name", handler: tags),
        Route(
            .put, "/v1/adapters/{name}/tags/{tag}", "Have a tag stay with a content of the name",
            parameters: tagConditions, statuses: [200, 201], handler: putTag),
        Route(
            .delete, "/v1/adapters/{name}/tags/{tag}", "Take a tag away, and with it what only the tag kept",
            parameters: [tagConditions[0]], statuses: [204], handler: deleteTag),
    ]

    private static func record(_ call: Call) throws -> AdapterRecord {
        let name = call.parameter("name")
        guard let record = call.engine.adapters.record(name) else { throw EngineError.unknownAdapter(name) }
        return record
    }

    private static func list(_ objects: [JSON]) -> Response {
        .json(.ok, ["object": "list", "data": .array(objects)])
    }

    private static func history(_ call: Call) throws -> Response {
        let record = try record(call)
        return list(
            record.revisions.map { revision in
                [
                    "generation": JSON(revision.generation), "digest": .string("sha256:" + revision.digest),
                    "bytes": JSON(revision.bytes), "created": .string(revision.created.text),
                    "current": .bool(revision == record.current),
                    "tags": JSON(record.tags.filter { $0.value.generation == revision.generation }.keys.sorted()),
                ]
            })
    }

    private static func rollBack(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let request = try RollbackRequest(call.optionalJSON())
        let preconditions = Preconditions(call.request)
        let record = try call.engine.rollBack(name, to: request.target) { record throws(EngineError) in
            try preconditions.check(name, record.digest)
        }
        return AdapterRoutes.answer(record, try call.engine.adapter(name).content, .ok, call)
    }

    // MARK: Tags

    private static func tags(_ call: Call) throws -> Response {
        let record = try record(call)
        return list(record.tags.keys.sorted().map { object($0, record) })
    }

    private static func object(_ tag: String, _ record: AdapterRecord) -> JSON {
        [
            "tag": .string(tag), "digest": JSON(record.revision(tagged: tag).map { "sha256:" + $0.digest }),
            "generation": record.tags[tag].map { JSON($0.generation) } ?? .null,
            "changed": JSON(record.tags[tag]?.changed.text),
        ]
    }

    private static func putTag(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let tag = call.parameter("tag")
        let request = try TagRequest(call.optionalJSON())
        let preconditions = Preconditions(call.request)
        let (record, isNew) = try call.engine.setTag(tag, of: name, digest: request.digest) {
            record throws(EngineError) in
            try preconditions.check("\(name)@\(tag)", record.revision(tagged: tag)?.digest)
        }
        let digest = record.revision(tagged: tag)?.digest ?? record.digest
        return .json(
            isNew ? .created : .ok, object(tag, record),
            headers: [.eTag: "\"sha256:\(digest)\"", .location: "/v1/adapters/\(name)/tags/\(tag)"])
    }

    private static func deleteTag(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let tag = call.parameter("tag")
        let preconditions = Preconditions(call.request)
        try call.engine.removeTag(tag, of: name) { record throws(EngineError) in
            try preconditions.check("\(name)@\(tag)", record.revision(tagged: tag)?.digest)
        }
        return Response(.noContent)
    }
}
