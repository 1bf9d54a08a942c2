/// Python writes infinities into JSON (`"lambda_min_clipped": -Infinity`), which has none. Here they become numbers
/// beyond f64, which are read as infinities.
enum PythonInfinities {
    private static let word = Array("Infinity".utf8)
    private static let number = Array("1e999".utf8)

    /// The text with each `Infinity` outside of strings replaced. Offsets of errors behind it are off by three bytes
    /// each.
    static func replaced(in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        var inString = false
        while position < bytes.count {
            let byte = bytes[position]
            if inString, byte == UInt8(ascii: "\\"), position + 1 < bytes.count {
                result += bytes[position...position + 1]
                position += 2
            } else if !inString, bytes[position...].starts(with: word) {
                result += number
                position += word.count
            } else {
                if byte == UInt8(ascii: "\"") { inString.toggle() }
                result.append(byte)
                position += 1
            }
        }
        return result
    }
}
