/// Takes the chunked transfer coding off a body (RFC 9112, 7.1).
///
/// Pure: bytes in, bytes out, cut anywhere. Chunk extensions and trailers are read past, and bounded.
package struct ChunkedDecoder: Sendable {
    package enum Failure: Error, Equatable, Sendable {
        /// No hexadecimal digits, more of them than a length has, or something else after them than an extension.
        case badSize
        case badLineEnd
        case lineTooLong(limit: Int)
        case trailersTooLarge(limit: Int)
    }

    package static let lineLimit = 4_096
    package static let trailerLimit = 16_384

    private enum State { case size, data, dataEnd, trailer, finished }

    private var state = State.size
    private var line: [UInt8] = []
    private var remaining = 0
    private var trailerBytes = 0

    package init() {}

    package var isFinished: Bool { state == .finished }

    /// Decodes until the input is used up, the output is full, or the body ends.
    ///
    /// - Returns: how many bytes were taken from `input` and put into `output`.
    package mutating func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (consumed: Int, produced: Int) {
        var consumed = 0
        var produced = 0
        while consumed < input.count && state != .finished {
            if state == .data {
                let count = min(remaining, input.count - consumed, output.count - produced)
                guard count > 0 else { break }
                let source = UnsafeRawBufferPointer(rebasing: input[consumed..<(consumed + count)])
                UnsafeMutableRawBufferPointer(rebasing: output[produced...]).copyMemory(from: source)
                consumed += count
                produced += count
                remaining -= count
                if remaining == 0 { state = .dataEnd }
            } else {
                line.append(input[consumed])
                consumed += 1
                try checkLine()
                if line.last == ASCII.lineFeed { try finishLine() }
            }
        }
        return (consumed, produced)
    }

    private func checkLine() throws(Failure) {
        if state == .dataEnd && line.count > 2 { throw .badLineEnd }
        if line.count > Self.lineLimit { throw .lineTooLong(limit: Self.lineLimit) }
    }

    private mutating func finishLine() throws(Failure) {
        guard line.count >= 2, line[line.count - 2] == ASCII.carriageReturn else { throw .badLineEnd }
        line.removeLast(2)
        guard !line.contains(ASCII.carriageReturn) else { throw .badLineEnd }
        switch state {
        case .size:
            remaining = try Self.size(line)
            state = remaining == 0 ? .trailer : .data
        case .dataEnd:
            guard line.isEmpty else { throw .badLineEnd }
            state = .size
        case .trailer:
            trailerBytes += line.count + 2
            if trailerBytes > Self.trailerLimit { throw .trailersTooLarge(limit: Self.trailerLimit) }
            if line.isEmpty { state = .finished }
        case .data, .finished: break
        }
        line.removeAll(keepingCapacity: true)
    }

    /// `1*HEXDIG [ OWS ";" extension ]`.
    private static func size(_ line: [UInt8]) throws(Failure) -> Int {
        let digits = line.prefix { ASCII.hexValue($0) != nil }
        // Fifteen digits stay below 2⁶⁰; leading zeros are no reason for more.
        guard !digits.isEmpty, digits.count <= 15 else { throw .badSize }
        let rest = ASCII.trimmed(line[digits.count...])
        guard line.count == digits.count || rest.first == UInt8(ascii: ";") else { throw .badSize }
        guard rest.allSatisfy(ASCII.isFieldValue) else { throw .badSize }
        return digits.reduce(0) { $0 << 4 | Int(ASCII.hexValue($1) ?? 0) }
    }
}
