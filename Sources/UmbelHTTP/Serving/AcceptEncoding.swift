/// `Accept-Encoding: gzip;q=0.5, *;q=0` (RFC 9110, 12.5.3).
enum AcceptEncoding {
    /// Whether gzip may be sent, and is wanted at least as much as the bytes as they are.
    static func prefersGzip(_ header: String?) -> Bool {
        guard let header else { return false }
        var weights: [String: Int] = [:]
        for element in ASCII.list(header) {
            let parts = element.split(separator: ";", maxSplits: 1)
            guard let coding = parts.first else { continue }
            let parameters = parts.count > 1 ? parts[1] : ""
            weights[ASCII.lowercased(coding.filter { $0 != " " && $0 != "\t" })] = weight(parameters)
        }
        let gzip = weights["gzip"] ?? weights["x-gzip"] ?? weights["*"] ?? 0
        // Without mention the plain bytes are acceptable, but whoever names gzip wants it (RFC 9110, 12.5.3, rule 2).
        return gzip > 0 && gzip >= weights["identity"] ?? 0
    }

    /// A quality value in thousandths; 1000 when there is none, 0 when it is malformed.
    private static func weight(_ parameters: Substring) -> Int {
        let text = ASCII.lowercased(parameters.filter { $0 != " " && $0 != "\t" })
        guard !text.isEmpty else { return 1000 }
        guard text.hasPrefix("q=") else { return 0 }
        let digits = text.dropFirst(2).split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = digits.first, whole == "0" || whole == "1", digits.count <= 2 else { return 0 }
        let fraction = digits.count == 2 ? digits[1] : ""
        guard fraction.utf8.count <= 3, fraction.utf8.allSatisfy(ASCII.isDigit) else { return 0 }
        let thousandths = ASCII.decimal((fraction + String(repeating: "0", count: 3 - fraction.utf8.count)).utf8) ?? 0
        return min(1000, (whole == "1" ? 1000 : 0) + thousandths)
    }
}
