/// Reads a `multipart/form-data` body part by part, while it arrives (RFC 7578, RFC 2046, 5.1).
///
///     preamble CRLF--boundary CRLF headers CRLF CRLF content CRLF--boundary … CRLF--boundary-- epilogue
///
/// The first delimiter may stand at the very start; the window begins with a CRLF that nobody sent, so that it is like
/// the others. Never more than one window of `windowBytes` is held, however long a part is.
package struct MultipartReader {
    package static let partLimit = 64
    package static let partHeaderLimit = 16_384
    private static let windowBytes = 65_536

    private enum State { case preamble, content, betweenParts, finished }

    private let body: RequestBody
    private let delimiter: [UInt8]
    private var window: [UInt8] = [ASCII.carriageReturn, ASCII.lineFeed]
    /// What is before this offset of the window has been used.
    private var position = 0
    /// Bytes from `position` that are certainly no part of a delimiter.
    private var contentCount = 0
    /// A delimiter begins behind `contentCount`.
    private var delimiterFollows = false
    private var state = State.preamble
    private var partCount = 0

    /// - Parameter contentType: the request's; it names the boundary.
    package init(contentType: String, body: RequestBody) throws(MultipartError) {
        guard let type = HeaderParameters(contentType), type.value == "multipart/form-data" else {
            throw .notMultipart(contentType: contentType)
        }
        guard let boundary = type["boundary"], (1...70).contains(boundary.utf8.count),
            boundary.utf8.last != ASCII.space,
            boundary.utf8.allSatisfy({ byte in
                ASCII.isDigit(byte) || ASCII.isLetter(byte) || "'()+_,-./:=? ".utf8.contains(byte)
            })
        else { throw .badBoundary }
        self.body = body
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// Goes on to the next part, past what is unread of the present one.
    ///
    /// - Returns: nil after the last one; the body has then been read to its end.
    package mutating func nextPart() throws(MultipartError) -> Part? {
        while state == .preamble || state == .content { try skipContent() }
        if state == .finished { return nil }
        guard try takeDelimiterEnd() else {
            state = .finished
            try readEpilogue()
            return nil
        }
        partCount += 1
        if partCount > Self.partLimit { throw .tooManyParts(limit: Self.partLimit) }
        let part = try Part(lines: try takeHeaders())
        state = .content
        return part
    }

    /// Copies content of the present part.
    ///
    /// - Returns: 0 at the part's end.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(MultipartError) -> Int {
        guard state == .content, !buffer.isEmpty, try findContent() else { return 0 }
        let count = min(contentCount, buffer.count)
        buffer.copyBytes(from: window[position..<(position + count)])
        use(count)
        return count
    }

    /// Reads the rest of the present part into memory.
    ///
    /// - Throws: `.body(.tooLarge)` when it is longer than `limit` bytes.
    package mutating func readAll(limit: Int) throws(MultipartError) -> [UInt8] {
        var bytes: [UInt8] = []
        while state == .content, try findContent() {
            guard bytes.count + contentCount <= limit else { throw .body(.tooLarge(limit: limit)) }
            bytes += window[position..<(position + contentCount)]
            use(contentCount)
        }
        return bytes
    }

    private mutating func skipContent() throws(MultipartError) {
        while try findContent() { use(contentCount) }
    }

    private mutating func use(_ count: Int) {
        position += count
        contentCount -= count
    }

    /// Makes `contentCount` positive; false when the content has ended, and then the delimiter has been taken.
    private mutating func findContent() throws(MultipartError) -> Bool {
        while contentCount == 0 {
            if delimiterFollows {
                position += delimiter.count
                delimiterFollows = false
                state = .betweenParts
                return false
            }
            let (count, found) = scan()
            (contentCount, delimiterFollows) = (count, found)
            if contentCount == 0 && !delimiterFollows {
                guard try refill() else { throw .truncated }
            }
        }
        return true
    }

    /// How much of the window is content, and whether a delimiter follows. The start of a delimiter at the window's end
    /// is neither yet.
    private func scan() -> (count: Int, found: Bool) {
        window.withUnsafeBufferPointer { window in
            var offset = position
            while offset < window.count {
                guard let start = window[offset...].firstIndex(of: ASCII.carriageReturn) else { break }
                let candidate = window[start...].prefix(delimiter.count)
                if delimiter.starts(with: candidate) {
                    return (start - position, candidate.count == delimiter.count)
                }
                offset = start + 1
            }
            return (window.count - position, false)
        }
    }

    /// Behind a delimiter: `--` closes the form, blanks and a line end begin a part.
    private mutating func takeDelimiterEnd() throws(MultipartError) -> Bool {
        let line = try takeLine(closing: true)
        guard let line else { return false }
        guard ASCII.trimmed(line[...]).isEmpty else { throw .malformed("text behind a boundary") }
        return true
    }

    private mutating func takeHeaders() throws(MultipartError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var count = 0
        while let line = try takeLine(closing: false), !line.isEmpty {
            count += line.count + 2
            if count > Self.partHeaderLimit { throw .partHeadersTooLarge(limit: Self.partHeaderLimit) }
            lines.append(line)
        }
        // The empty line's CRLF may itself begin the delimiter: then the part has no content (RFC 2046, 5.1.1).
        position -= 2
        while window.count - position < delimiter.count, delimiter.starts(with: window[position...]) {
            guard try refill() else { break }
        }
        if !window[position...].starts(with: delimiter) { position += 2 }
        return lines
    }

    /// The bytes up to CRLF, which is taken too.
    ///
    /// - Parameter closing: a line that begins with `--` gives nil, without waiting for its end.
    private mutating func takeLine(closing: Bool) throws(MultipartError) -> [UInt8]? {
        var searched = 0
        while true {
            let rest = window[position...]
            if closing && rest.starts(with: "--".utf8) { return nil }
            if let end = rest[(position + searched)...].firstIndex(of: ASCII.lineFeed) {
                guard end > position, window[end - 1] == ASCII.carriageReturn else {
                    throw .malformed("a line ends in CRLF")
                }
                let line = Array(window[position..<(end - 1)])
                position = end + 1
                return line
            }
            if rest.count > Self.partHeaderLimit { throw .partHeadersTooLarge(limit: Self.partHeaderLimit) }
            searched = rest.count
            guard try refill() else { throw .truncated }
        }
    }

    /// Nothing behind the closing boundary matters, but the connection wants the body read.
    private mutating func readEpilogue() throws(MultipartError) {
        repeat { position = window.count } while try refill()
    }

    /// Appends to the window; false at the body's end.
    private mutating func refill() throws(MultipartError) -> Bool {
        // The two bytes before the position stay: `takeHeaders` may step back over a CRLF.
        let unused = max(0, position - 2)
        window.removeFirst(unused)
        position -= unused
        var failure: BodyError?
        let piece = [UInt8](unsafeUninitializedCapacity: Self.windowBytes) { buffer, count in
            do throws(BodyError) {
                count = try body.read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw .body(failure) }
        window += piece
        return !piece.isEmpty
    }
}
