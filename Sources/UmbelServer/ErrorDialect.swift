internal import HTTPTypes
internal import UmbelFormats

/// How the clients of an endpoint want to be told of an error, beside the problem that everybody gets.
package enum ErrorDialect: Sendable {
    /// The problem alone.
    case none
    /// OpenAI's object: `error` with `message`, `type`, `param` and a word as `code`.
    case openAI
    /// Hugging Face Hub clients choose their exception by `X-Error-Code` and show `X-Error-Message` and the text `error`,
    /// once if they are equal.
    case hub
    /// vLLM's and llama.cpp's object: as OpenAI's, but `code` is the status.
    case inferenceServer
    /// SGLang's answer to an update that failed: `success` and `error_message`, beside vLLM's object.
    case sglang

    /// What the body has besides the problem's own members.
    func members(_ problem: Problem) -> [JSON.Member] {
        switch self {
        case .none: []
        case .openAI: [.init("error", Self.openAIError(problem))]
        case .hub: [.init("error", .string(Self.headerText(problem.detail)))]
        case .inferenceServer: [.init("error", Self.serverError(problem))]
        case .sglang:
            [
                .init("success", .bool(false)), .init("error_message", .string(problem.detail)),
                .init("error", Self.serverError(problem)),
            ]
        }
    }

    func headers(_ problem: Problem) -> HTTPFields {
        guard case .hub = self else { return [:] }
        var headers: HTTPFields = [.errorMessage: Self.headerText(problem.detail)]
        headers[.errorCode] = Self.hubCode(problem.code)
        return headers
    }

    private static func openAIError(_ problem: Problem) -> JSON {
        let isUnknown = problem.status.code == 404
        return [
            "message": .string(problem.detail),
            "type": .string(problem.status.kind == .serverError ? "server_error" : "invalid_request_error"),
            "param": isUnknown ? "model" : .null,
            "code": .string(isUnknown ? "model_not_found" : problem.code),
        ]
    }

    private static func serverError(_ problem: Problem) -> JSON {
        let kind =
            switch problem.status.code {
            case 404: "NotFoundError"
            case 500...: "InternalServerError"
            default: "BadRequestError"
            }
        return [
            "message": .string(problem.detail), "type": .string(kind), "param": .null,
            "code": JSON(problem.status.code),
        ]
    }

    /// The words by which huggingface_hub chooses its exception; nil for what it has none for.
    private static func hubCode(_ code: String) -> String? {
        switch code {
        case "unknown_model": "RepoNotFound"
        case "unknown_file": "EntryNotFound"
        case "unknown_adapter", "unknown_tag", "unknown_variant", "variant_gone", "invalid_reference",
            "ambiguous_digest":
            "RevisionNotFound"
        default: nil
        }
    }

    /// On one line and in ASCII, as a header field has to be.
    private static func headerText(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars.prefix(1000) {
            switch scalar {
            case "“", "”": line += "\""
            case "’": line += "'"
            case " "..."~": line.unicodeScalars.append(scalar)
            default: line += "?"
            }
        }
        return line
    }
}

extension HTTPField.Name {
    static let errorCode = Self("X-Error-Code") ?? .server
    static let errorMessage = Self("X-Error-Message") ?? .server
    static let repoCommit = Self("X-Repo-Commit") ?? .server
}
