internal import CCurl

/// What libcurl's callbacks work on while a request is carried out.
final class Transfer {
    /// Header lines of an answer, in bytes.
    private static let headerLimit = 1 << 18

    private let request: ClientRequest
    private var position = 0
    private var headerBytes = 0
    private(set) var headers: [(name: String, value: String)] = []
    private(set) var body: [UInt8] = []
    private var isSuccess = false
    private(set) var isTruncated = false
    /// What made a callback stop the transfer.
    private(set) var failure: ClientError?

    init(_ request: ClientRequest) {
        self.request = request
    }

    /// Bytes of the request's body; 0 without one.
    var bodyBytes: Int {
        switch request.body {
        case nil: 0
        case .bytes(let bytes): bytes.count
        case .file(let file): file.bytes
        }
    }

    /// The next piece of the request's body.
    ///
    /// - Returns: its length, or `CURL_READFUNC_ABORT`.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count: Int
        switch request.body {
        case nil: count = 0
        case .bytes(let bytes):
            let rest = bytes[min(position, bytes.count)...].prefix(buffer.count)
            buffer.copyBytes(from: rest)
            count = rest.count
        case .file(let file):
            do throws(ClientError) {
                count = try file.read(into: buffer, at: position)
            } catch {
                failure = error
                return Int(CURL_READFUNC_ABORT)
            }
        }
        move(to: position + count)
        return count
    }

    /// Goes back, when libcurl has to send the body again.
    func seek(to offset: Int, from origin: Int32) -> Int32 {
        guard origin == 0, (0...bodyBytes).contains(offset) else { return Int32(CURL_SEEKFUNC_FAIL) }
        move(to: offset)
        return Int32(CURL_SEEKFUNC_OK)
    }

    private func move(to offset: Int) {
        if offset != position { request.onSent?(offset - position) }
        position = offset
    }

    /// - Returns: how many bytes were taken; fewer than given end the transfer.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isSuccess, let onReceived = request.onReceived {
            guard onReceived(Array(bytes)) else {
                isTruncated = true
                return 0
            }
            return bytes.count
        }
        let kept = bytes.prefix(request.answerLimit - body.count)
        body += kept
        isTruncated = kept.count < bytes.count
        return kept.count
    }

    /// One header line with its end; a status line begins an answer, of which interim ones are dropped.
    func receiveHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        headerBytes += bytes.count
        guard headerBytes <= Self.headerLimit else {
            failure = .answerTooLarge(limit: Self.headerLimit)
            return 0
        }
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            headers = []
            isSuccess = line.split(separator: " ").dropFirst().first?.hasPrefix("2") == true
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...]
            headers.append((String(line[..<colon]), value.trimmed))
        }
        return bytes.count
    }
}

extension Substring {
    /// Without white space at the ends. A carriage return and the line feed after it are one `Character`.
    fileprivate var trimmed: String {
        String(String(drop { $0.isWhitespace }.reversed()).drop { $0.isWhitespace }.reversed())
    }
}
