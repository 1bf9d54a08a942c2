/// Percent escapes of URIs (RFC 3986, 2.1).
package enum PercentEncoding {
    /// Decodes once; what an escape yields is not looked at again.
    ///
    /// - Throws: `Refusal.malformedRequestLine` for an escape without two hexadecimal digits, for `%00`, and for bytes
    ///   that are not UTF-8.
    static func decode(_ bytes: some Collection<UInt8>, plusIsSpace: Bool) throws(Refusal) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = iterator.next().flatMap(ASCII.hexValue),
                    let low = iterator.next().flatMap(ASCII.hexValue)
                else { throw .malformedRequestLine("% is followed by two hexadecimal digits") }
                guard high | low != 0 else { throw .malformedRequestLine("a target contains no %00") }
                decoded.append(high << 4 | low)
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw .malformedRequestLine("an escaped target is UTF-8")
        }
        return text
    }
}
