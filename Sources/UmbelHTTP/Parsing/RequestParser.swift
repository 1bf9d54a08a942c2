internal import HTTPTypes

/// Collects a request head from bytes that arrive in any pieces (RFC 9112, 2 to 6).
///
/// Pure: it reads no socket and no clock. The same bytes give the same outcome however they are cut, because limits
/// are looked at before content and a line's content only once the line is whole.
///
/// Lines end in CRLF. A bare CR or LF, folded lines and space around a name are refused and not repaired: an
/// intermediary that repairs them differently would see another request.
package struct RequestParser: Sendable {
    package enum Outcome: Equatable, Sendable {
        case needsMore
        case head(RequestHead)
        case refused(Refusal)
    }

    private struct RequestLine {
        let method: HTTPRequest.Method
        let target: String
        let location: RequestTarget
        let version: HTTPVersion
    }

    private let limits: HTTPLimits
    private var line: [UInt8] = []
    private var requestLine: RequestLine?
    private var headers = HTTPFields()
    private var headerBytes = 0
    private var skippedEmptyLine = false

    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Nothing of the next head has arrived.
    package var isIdle: Bool { line.isEmpty && requestLine == nil && !skippedEmptyLine }

    /// Takes bytes up to the end of one head.
    ///
    /// - Returns: how many bytes belong to the head, and what it came to. After `.head` the parser is ready for the
    ///   next one; after `.refused` it is of no more use.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer) -> (consumed: Int, outcome: Outcome) {
        var position = 0
        do throws(Refusal) {
            while position < bytes.count {
                let rest = bytes[position...]
                let end = rest.firstIndex(of: ASCII.lineFeed).map { $0 + 1 }
                line.append(contentsOf: rest[..<(end ?? bytes.count)])
                position = end ?? bytes.count
                try checkLimits()
                guard end != nil else { break }
                guard line.count >= 2, line[line.count - 2] == ASCII.carriageReturn else {
                    throw malformed("a line ends in CRLF")
                }
                line.removeLast(2)
                defer { line.removeAll(keepingCapacity: true) }
                if let head = try finishLine() { return (position, .head(head)) }
            }
        } catch {
            return (position, .refused(error))
        }
        return (position, .needsMore)
    }

    private func checkLimits() throws(Refusal) {
        if requestLine == nil {
            if line.count > limits.requestLineBytes + 2 { throw .requestLineTooLong(limit: limits.requestLineBytes) }
        } else if headerBytes + line.count > limits.headerBytes + 2 {
            // The 2 is the empty line that ends the section.
            throw .headersTooLarge(limit: limits.headerBytes)
        }
    }

    private mutating func finishLine() throws(Refusal) -> RequestHead? {
        guard let requestLine else {
            // One empty line before a request is tolerated: old clients send it after a body (RFC 9112, 2.2).
            if line.isEmpty && !skippedEmptyLine {
                skippedEmptyLine = true
            } else {
                self.requestLine = try parseRequestLine()
            }
            return nil
        }
        if line.isEmpty {
            let head = try finishHead(requestLine)
            self = RequestParser(limits: limits)
            return head
        }
        headerBytes += line.count + 2
        guard headers.count < limits.headerCount else { throw .tooManyHeaders(limit: limits.headerCount) }
        headers.append(try HeaderLine.parse(line))
        return nil
    }

    private func finishHead(_ line: RequestLine) throws(Refusal) -> RequestHead {
        try HeadFields.checkHost(headers, line.version)
        return RequestHead(
            method: line.method, target: line.target, location: line.location, version: line.version, headers: headers,
            framing: try HeadFields.framing(headers, line.version),
            expectsContinue: try HeadFields.expectsContinue(headers, line.version),
            keepsAlive: HeadFields.keepsAlive(headers, line.version))
    }

    /// `method SP target SP version`, single spaces (RFC 9112, 3).
    private func parseRequestLine() throws(Refusal) -> RequestLine {
        let parts = line.split(separator: ASCII.space, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformedRequestLine("method, target and version, one space between") }
        let name = String(decoding: parts[0], as: UTF8.self)
        guard parts[0].allSatisfy(ASCII.isToken), let method = HTTPRequest.Method(name) else {
            throw .malformedRequestLine("the method is not a token")
        }
        let version = try Self.version(parts[2])
        // A tunnel's target is an authority (RFC 9112, 3.2.3); there are no tunnels here.
        if method == .connect { throw .unsupportedMethod(name) }
        let location = try RequestTarget(parts[1])
        if location.isAsterisk && method != .options { throw .malformedRequestLine("only OPTIONS may ask for *") }
        return RequestLine(
            method: method, target: String(decoding: parts[1], as: UTF8.self), location: location, version: version)
    }

    private static func version(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> HTTPVersion {
        let digits = bytes.dropFirst(5)
        guard bytes.starts(with: "HTTP/".utf8), digits.count == 3, let major = digits.first, ASCII.isDigit(major),
            digits.dropFirst().first == UInt8(ascii: "."), let minor = digits.last, ASCII.isDigit(minor)
        else { throw .malformedRequestLine("the version is not HTTP/digit.digit") }
        guard major == UInt8(ascii: "1") else { throw .unsupportedVersion(String(decoding: bytes, as: UTF8.self)) }
        return minor == UInt8(ascii: "0") ? .http1_0 : .http1_1
    }

    private func malformed(_ reason: String) -> Refusal {
        requestLine == nil ? .malformedRequestLine(reason) : .malformedHeader(reason)
    }
}
