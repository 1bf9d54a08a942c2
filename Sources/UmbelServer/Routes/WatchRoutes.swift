internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP

/// What was found in the watched folder, and what came of it.
enum WatchRoutes {
    static let all = [Route(.get, "/v1/watch", "What was found in the watched folder", handler: list)]

    private static func list(_ call: Call) throws -> Response {
        let watched = call.application.watched
        let problem = watched?.folderFault.map { Problem($0).json } ?? .null
        return .json(
            .ok,
            [
                "object": "list", "folder": JSON(watched?.path),
                "data": .array((watched?.entries ?? []).map { object($0.path, $0.outcome) }), "problem": problem,
            ])
    }

    private static func object(_ path: String, _ outcome: WatchList.Outcome?) -> JSON {
        switch outcome {
        case nil: object(path, "waiting", name: try? WatchedFolder.name(of: path), digest: nil, problem: .null)
        case .added(let name, let digest): object(path, "added", name: name, digest: digest, problem: .null)
        case .unchanged(let name, let digest): object(path, "unchanged", name: name, digest: digest, problem: .null)
        case .refused(let error):
            object(path, "refused", name: try? WatchedFolder.name(of: path), digest: nil, problem: Problem(error).json)
        }
    }

    private static func object(_ path: String, _ state: String, name: String?, digest: String?, problem: JSON) -> JSON {
        [
            "path": .string(path), "state": .string(state), "name": JSON(name),
            "digest": JSON(digest.map { "sha256:" + $0 }), "problem": problem,
        ]
    }
}
