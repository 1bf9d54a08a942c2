/// The characters that stand for bytes in the vocabulary of a byte-level tokenizer (GPT-2, Radford et al. 2019).
///
/// A byte that is a printable character of Latin-1 stands for itself (0x21–0x7e, 0xa1–0xac, 0xae–0xff); the other 68 bytes
/// are given the characters from U+0100 on, in their order. So a vocabulary is text without spaces and control characters.
enum ByteAlphabet {
    /// The character of each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            if isPrintable(byte) { return Unicode.Scalar(byte) }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? "\u{fffd}"
        }
    }()

    private static let bytes = Dictionary(uniqueKeysWithValues: zip(scalars, UInt8.min...UInt8.max))

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae
    }

    /// The bytes that a token of the vocabulary stands for; nil if a character of it stands for none.
    static func bytes(of token: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in token.unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }
}
