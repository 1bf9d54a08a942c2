internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelRegistry

/// One line of a commit.
enum HubOperation {
    case header(parent: String?)
    case file(path: String, HubContent)
    case deletion(path: String)
}

/// Reads the lines of a commit, `application/x-ndjson`:
///
///     {"key": "header", "value": {"summary": …, "parentCommit"?: …}}
///     {"key": "file", "value": {"content": "<base64>", "path": …, "encoding": "base64"}}
///     {"key": "deletedFile", "value": {"path": …}}
///
/// A line may be as long as an adapter, and the content comes before the path. So the text of `content` is decoded as it
/// arrives and taken out of the line; what is left of the line is small and is read as JSON.
final class HubCommitReader {
    /// Of a line without its content, in bytes.
    static let lineLimit = 1 << 20

    private enum State {
        case plain, string, escape, content, contentEscape
    }

    private let body: RequestBody
    private let beginUpload: () throws -> Upload
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private var unread = 0..<0
    private var state = State.plain
    private var depth = 0
    /// The line without the text of its content.
    private var line: [UInt8] = []
    private var content: HubContent?
    private var decoder = Base64Decoder()
    private var decoded: [UInt8] = []

    init(_ body: RequestBody, beginUpload: @escaping () throws -> Upload) {
        self.body = body
        self.beginUpload = beginUpload
    }

    deinit { buffer.deallocate() }

    /// - Returns: nil at the end.
    func next() throws -> HubOperation? {
        while true {
            while let byte = unread.isEmpty ? nil : buffer[unread.lowerBound] {
                unread = unread.lowerBound + 1..<unread.upperBound
                if try take(byte), let operation = try endLine() { return operation }
            }
            try flush()
            let count = try body.read(into: buffer)
            guard count > 0 else { return try endLine() }
            unread = 0..<count
        }
    }

    /// - Returns: whether a line has ended.
    private func take(_ byte: UInt8) throws -> Bool {
        switch state {
        case .content, .contentEscape:
            try takeContent(byte)
            return false
        case .string:
            if byte == UInt8(ascii: "\\") { state = .escape } else if byte == UInt8(ascii: "\"") { state = .plain }
        case .escape: state = .string
        case .plain:
            switch byte {
            case UInt8(ascii: "\n"): return true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""): state = beginsContent ? .content : .string
            default: break
            }
        }
        if state == .content {
            content = HubContent(beginUpload: beginUpload)
            decoder = Base64Decoder()
            line += Array("\"\"".utf8)
        } else {
            line.append(byte)
        }
        guard line.count <= Self.lineLimit else { throw BodyError.tooLarge(limit: Self.lineLimit) }
        return false
    }

    /// Whether a string that begins now is the value of `content` in the object of a file.
    private var beginsContent: Bool {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
        guard depth == 2 else { return false }
        var rest = line[...]
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        guard rest.last == UInt8(ascii: ":") else { return false }
        rest.removeLast()
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        let name = Array("\"content\"".utf8)
        return rest.suffix(name.count).elementsEqual(name) && rest.dropLast(name.count).last != UInt8(ascii: "\\")
    }

    private func takeContent(_ byte: UInt8) throws {
        if state == .contentEscape {
            // JSON may write a slash as \/; base64 has nothing else that could be escaped.
            guard byte == UInt8(ascii: "/") else { throw HubCommitError.notBase64 }
            state = .content
        } else if byte == UInt8(ascii: "\\") {
            state = .contentEscape
            return
        } else if byte == UInt8(ascii: "\"") {
            guard decoder.isComplete else { throw HubCommitError.notBase64 }
            try flush()
            state = .plain
            return
        }
        guard decoder.decode(byte, into: &decoded) else { throw HubCommitError.notBase64 }
    }

    private func flush() throws {
        guard !decoded.isEmpty else { return }
        try decoded.withUnsafeBytes { try content?.append($0) }
        decoded.removeAll(keepingCapacity: true)
    }

    /// - Returns: nil for an empty line, or one that changes nothing that is kept here.
    private func endLine() throws -> HubOperation? {
        defer {
            line = []
            content = nil
            depth = 0
        }
        guard state == .plain else { throw BodyError.malformed("a line of the commit ends in the middle") }
        guard line.contains(where: { $0 > 0x20 }) else { return nil }
        let json: JSON
        do {
            json = try JSON(parsing: line)
        } catch {
            throw RequestError.invalidJSON(error)
        }
        guard let key = json["key"]?.string, let value = json["value"] else { throw RequestError.missingField("key") }
        switch key {
        case "header": return .header(parent: value["parentCommit"]?.string)
        case "file":
            guard let path = value["path"]?.string else { throw RequestError.missingField("path") }
            guard value["encoding"]?.string == "base64", let content else { throw HubCommitError.notBase64 }
            return .file(path: path, content)
        case "deletedFile", "deletedFolder":
            guard let path = value["path"]?.string else { throw RequestError.missingField("path") }
            return .deletion(path: path)
        default: throw HubCommitError.unsupported(key)
        }
    }
}

/// What is wrong with a commit.
enum HubCommitError: Error, Sendable {
    case notBase64
    /// A kind of line that is not taken: files by Git LFS or Xet, which `preupload` asks nobody to send.
    case unsupported(String)
    case severalTensorFiles(String, String)
    /// There is no adapter of that name yet, and the commit holds no tensors to make one of.
    case noTensors
    case deletesTensors(adapter: String)
    case otherBranch(String)
    case baseIsReadOnly(String)
    case notAModel(String)
    case exists(adapter: String, url: String)
}

/// Base64 (RFC 4648, 4) in pieces.
struct Base64Decoder {
    private var bits: UInt32 = 0
    private var count = 0
    private var padding = 0

    /// Whether what was decoded so far is a whole number of groups.
    var isComplete: Bool { count == 0 }

    /// - Returns: false for a character that may not stand there.
    mutating func decode(_ byte: UInt8, into output: inout [UInt8]) -> Bool {
        if byte == UInt8(ascii: "=") {
            guard count >= 2 else { return false }
            padding += 1
            bits <<= 6
        } else {
            guard padding == 0, let value = Self.value(byte) else { return false }
            bits = bits << 6 | UInt32(value)
        }
        count += 1
        guard count == 4 else { return true }
        output.append(UInt8(truncatingIfNeeded: bits >> 16))
        if padding < 2 { output.append(UInt8(truncatingIfNeeded: bits >> 8)) }
        if padding < 1 { output.append(UInt8(truncatingIfNeeded: bits)) }
        bits = 0
        count = 0
        return true
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5a: byte - 0x41
        case 0x61...0x7a: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
