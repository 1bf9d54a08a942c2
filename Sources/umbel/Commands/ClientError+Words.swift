import UmbelClient
import UmbelFormats
import UmbelPOSIX

// What went wrong with a server, in words and as an exit code.

extension ClientError {
    var exitStatus: ExitStatus {
        switch self {
        case .address, .header: .usage
        case .file, .fileChanged: .badInput
        case .refused(let refusal): refusal.isAboutInput ? .badInput : .failed
        case .unreachable, .connectTimeout, .stalled, .insecure, .brokenOff, .library, .answerTooLarge,
            .unexpectedAnswer, .endlessList:
            .failed
        }
    }

    /// - Parameter server: its address.
    func sentence(server: String) -> String {
        switch self {
        case .address(let text, let fault): "'\(text.printable)' is no address of a server: \(fault.sentence)"
        case .header("Authorization"): "UMBEL_TOKEN holds a character that no header may hold"
        case .header(let name): "the value for \(name) holds a character that no header may hold"
        case .file(let error): "\(error.subject): \(error.message)"
        case .fileChanged(let path): "\(path) became shorter while it was read"
        case .unreachable(let message): "cannot reach \(server): \(message.printable)"
        case .connectTimeout(let seconds): "cannot reach \(server): no connection within \(seconds) s"
        case .stalled(let seconds): "\(server) has neither sent nor taken anything for \(seconds) s"
        case .insecure(let message): "no secure connection to \(server): \(message.printable)"
        case .brokenOff(let code, let message):
            "the connection to \(server) broke off: \(message.printable) (libcurl \(code))"
        case .library(let code, let message): "libcurl: \(message.printable) (\(code))"
        case .refused(let refusal): refusal.sentence(server: server)
        case .answerTooLarge(let limit): "\(server) answers with more than \(ByteCount.text(limit))"
        case .unexpectedAnswer(let status, let beginning):
            "\(server) answers \(status) with what Umbel would not: \(beginning.shown)"
        case .endlessList: "\(server) lists the same page again and again"
        }
    }

    /// One line for each key, shape or field that the server names.
    var details: [String] {
        guard case .refused(let refusal) = self else { return [] }
        return refusal.errors.map(\.refusalLine)
    }

    func json(server: String) -> JSON {
        var members = [JSON.Member("detail", .string(sentence(server: server)))]
        if case .refused(let refusal) = self {
            members.insert(.init("status", JSON(refusal.status)), at: 0)
            members.insert(.init("code", JSON(refusal.code)), at: 0)
            members.append(.init("errors", .array(refusal.errors)))
        }
        return .object(members)
    }
}

extension AddressFault {
    fileprivate var sentence: String {
        switch self {
        case .noScheme: "it does not begin with http:// or https://"
        case .unknownScheme(let scheme): "only http and https are spoken, not \(scheme.printable)"
        case .holdsCredentials: "a name or password does not belong there; set UMBEL_TOKEN"
        case .holdsQuery: "it ends in a query or fragment"
        case .unreadable(let message): message.printable
        }
    }
}

extension ServerRefusal {
    /// Whether it is the caller who has to change something, rather than wait or be let in.
    fileprivate var isAboutInput: Bool {
        (400...499).contains(status) && ![401, 403, 407, 408, 429].contains(status)
    }

    fileprivate func sentence(server: String) -> String {
        let wait = retryAfter.map { " (ask again in \($0) s)" } ?? ""
        if let detail { return detail.printable + wait }
        if let location, (300...399).contains(status) {
            return "\(server) answers \(status) and points to \(location.printable), which is not followed"
        }
        let words = beginning.shown
        let hint = status == 401 || status == 403 ? "; UMBEL_TOKEN may be missing or wrong" : ""
        return "\(server) answers \(status)" + (words.isEmpty ? "" : ": \(words)") + hint + wait
    }
}

extension String {
    /// On one line, for a body of which nothing is known.
    fileprivate var shown: String { printable.split(separator: " ").joined(separator: " ") }
}

extension JSON {
    /// An entry of a problem's `errors`: its code, what is meant, and the remaining facts.
    fileprivate var refusalLine: String {
        guard let members else { return (string ?? text).printable }
        let code = self["code"]?.string
        let subject = ["message", "key", "module", "modules"].first { self[$0] != nil && self[$0] != .null }
        let rest = members.filter { $0.name != "code" && $0.name != subject && !$0.value.isNull }
        let facts = rest.map { "\($0.name) \($0.value.words)" }.joined(separator: ", ")
        let head = [code, subject.flatMap { self[$0] }?.words].compactMap { $0 }.joined(separator: ": ")
        return (head + (facts.isEmpty ? "" : head.isEmpty ? facts : " (\(facts))")).printable
    }

    private var words: String {
        if let strings { return strings.joined(separator: ", ") }
        return string ?? text
    }
}
