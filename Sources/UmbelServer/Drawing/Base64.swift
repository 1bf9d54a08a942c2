/// Base64 (RFC 4648, 4) of whole values.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { output in
            var place = 0
            for start in stride(from: 0, to: bytes.count, by: 3) {
                let rest = min(3, bytes.count - start)
                var bits = UInt32(bytes[start]) << 16
                if rest > 1 { bits |= UInt32(bytes[start + 1]) << 8 }
                if rest > 2 { bits |= UInt32(bytes[start + 2]) }
                for sextet in 0..<4 {
                    let value = alphabet[Int(bits >> UInt32(18 - 6 * sextet) & 63)]
                    output[place + sextet] = sextet <= rest ? value : UInt8(ascii: "=")
                }
                place += 4
            }
            return place
        }
    }

    /// - Parameter text: as it is, or as a `data:` URL, which browsers make.
    /// - Returns: nil for what is not base64.
    static func bytes(_ text: String) -> [UInt8]? {
        var digits = Substring(text)
        if text.hasPrefix("data:") {
            guard let comma = text.firstIndex(of: ","), text[..<comma].hasSuffix(";base64") else { return nil }
            digits = text[text.index(after: comma)...]
        }
        var decoder = Base64Decoder()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.utf8.count / 4 * 3)
        for digit in digits.utf8 {
            guard decoder.decode(digit, into: &bytes) else { return nil }
        }
        return decoder.isComplete ? bytes : nil
    }
}
