/// `host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2).
enum HostField {
    static func isValid(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        let value = Array(bytes)
        var host = value[...]
        if value.first == UInt8(ascii: "[") {
            guard let close = value.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let inside = value[1..<close]
            guard !inside.isEmpty, inside.allSatisfy(isAddressLiteral) else { return false }
            return isPort(value[(close + 1)...])
        }
        if let colon = value.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(value[colon...]) else { return false }
            host = value[..<colon]
        }
        return host.allSatisfy(isRegisteredName)
    }

    /// Nothing, or a colon and at most five digits.
    private static func isPort(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first else { return true }
        return first == UInt8(ascii: ":") && bytes.count <= 6 && bytes.dropFirst().allSatisfy(ASCII.isDigit)
    }

    private static func isAddressLiteral(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || ASCII.isLetter(byte) || ":.%-_~".utf8.contains(byte)
    }

    private static func isRegisteredName(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || ASCII.isLetter(byte) || "-._~%!$&'()*+,;=".utf8.contains(byte)
    }
}
