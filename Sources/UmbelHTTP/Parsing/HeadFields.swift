internal import HTTPTypes

/// What the header section says about framing and the connection (RFC 9112, 3.2, 6, 9.3 and RFC 9110, 10.1.1).
enum HeadFields {
    static func checkHost(_ headers: HTTPFields, _ version: HTTPVersion) throws(Refusal) {
        // HTTPTypes keeps Host out of its list of names, since HTTP/2 has :authority instead.
        let hosts = headers.filter { $0.name.canonicalName == "host" }.map(\.value)
        if hosts.isEmpty && version == .http1_1 { throw .missingHost }
        if hosts.count > 1 { throw .malformedHeader("Host appears more than once") }
        if let host = hosts.first, !HostField.isValid(host.utf8) { throw .malformedHeader("Host is not host[:port]") }
    }

    static func framing(_ headers: HTTPFields, _ version: HTTPVersion) throws(Refusal) -> BodyFraming {
        let lengths = headers[values: .contentLength]
        let codings = headers[values: .transferEncoding]
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .ambiguousFraming("both Content-Length and Transfer-Encoding") }
            // A 1.0 recipient upstream may have ignored the field, so where the body ends is not known (6.1).
            guard version == .http1_1 else { throw .ambiguousFraming("Transfer-Encoding in HTTP/1.0") }
            return try transferCoding(codings.flatMap(ASCII.list).map(ASCII.lowercased))
        }
        guard let first = lengths.first else { return .none }
        var length: Int?
        // Equal repetitions are the same statement; "5, 5" is what an intermediary makes of them (6.3).
        for element in lengths.flatMap({ $0.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) }
        ) {
            guard let value = ASCII.decimal(ASCII.trimmed(Array(element)[...])) else {
                throw .ambiguousFraming("Content-Length is not a number: \(first)")
            }
            guard length == nil || length == value else { throw .ambiguousFraming("Content-Length differs") }
            length = value
        }
        return .length(length ?? 0)
    }

    private static func transferCoding(_ codings: [String]) throws(Refusal) -> BodyFraming {
        guard let last = codings.last else { throw .ambiguousFraming("Transfer-Encoding is empty") }
        if let unknown = codings.first(where: { $0 != "chunked" }) { throw .unknownTransferCoding(unknown) }
        guard codings.count == 1, last == "chunked" else { throw .ambiguousFraming("chunked is applied twice") }
        return .chunked
    }

    static func expectsContinue(_ headers: HTTPFields, _ version: HTTPVersion) throws(Refusal) -> Bool {
        let expectations = headers[values: .expect].flatMap(ASCII.list).map(ASCII.lowercased)
        if let unknown = expectations.first(where: { $0 != "100-continue" }) { throw .unknownExpectation(unknown) }
        // A 1.0 client cannot understand an interim response (RFC 9110, 10.1.1).
        return !expectations.isEmpty && version == .http1_1
    }

    static func keepsAlive(_ headers: HTTPFields, _ version: HTTPVersion) -> Bool {
        let options = headers[values: .connection].flatMap(ASCII.list).map(ASCII.lowercased)
        if options.contains("close") { return false }
        return version == .http1_1 || options.contains("keep-alive")
    }
}
