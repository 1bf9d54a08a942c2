internal import CCurl

/// Where a server is: `http://host:port`, `https://host/path`.
///
/// libcurl takes the text apart, so that what is checked here is what it will connect to.
package struct ServerAddress: Hashable, Sendable {
    /// Without a slash at the end.
    package let text: String
    /// On this machine, where no proxy could find it.
    let isLoopback: Bool

    /// - Throws: `ClientError.address`.
    package init(_ text: String) throws(ClientError) {
        guard text.contains("://") else { throw .address(text, .noScheme) }
        guard let parts = curl_url() else { throw .library(code: 0, message: "out of memory") }
        defer { curl_url_cleanup(parts) }
        let code = curl_url_set(parts, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME))
        guard code == CURLUE_OK, !text.contains(where: \.isWhitespace) else {
            let message = code == CURLUE_OK ? "it holds a space" : String(cString: curl_url_strerror(code))
            throw .address(text, .unreadable(message: message))
        }
        func part(_ which: CURLUPart) -> String? {
            var found: UnsafeMutablePointer<CChar>?
            guard curl_url_get(parts, which, &found, 0) == CURLUE_OK, let found else { return nil }
            defer { curl_free(found) }
            return String(cString: found)
        }
        let scheme = part(CURLUPART_SCHEME)?.lowercased() ?? ""
        guard ["http", "https"].contains(scheme) else { throw .address(text, .unknownScheme(scheme)) }
        guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil else {
            // The text itself must not get into a message.
            throw .address(scheme + "://…", .holdsCredentials)
        }
        guard !text.contains("?"), !text.contains("#") else { throw .address(text, .holdsQuery) }
        let host = part(CURLUPART_HOST) ?? ""
        let port = part(CURLUPART_PORT).map { ":" + $0 } ?? ""
        var path = part(CURLUPART_PATH) ?? ""
        while path.hasSuffix("/") { path.removeLast() }
        self.text = "\(scheme)://\(host)\(port)\(path)"
        isLoopback = host == "localhost" || host == "[::1]" || host.hasPrefix("127.")
    }

    /// The address of something below it.
    ///
    /// - Parameters:
    ///   - path: segments as they are meant, not encoded.
    ///   - query: names and values as they are meant.
    func url(_ path: [String], _ query: [(name: String, value: String)] = []) -> String {
        let path = path.map { "/" + Self.encoded($0) }.joined()
        let query = query.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
        return text + path + (query.isEmpty ? "" : "?" + query)
    }

    /// All but RFC 3986's unreserved characters and the colon as `%XX`.
    private static func encoded(_ text: String) -> String {
        var output = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x3a, 0x5f, 0x7e:
                output.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                output += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return output
    }
}
