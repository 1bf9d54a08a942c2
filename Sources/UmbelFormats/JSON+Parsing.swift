/// Why a text is no JSON, or no JSON that Umbel accepts. Offsets are in bytes.
package enum JSONError: Error, Hashable {
    case notUTF8(offset: Int)
    case unexpected(offset: Int)
    case unexpectedEnd
    case tooDeep(offset: Int)
    case duplicateName(String)
}

extension JSON {
    /// Parses one value (RFC 8259). Stricter than most: a member name may appear once in an object, and values nest at
    /// most `depth` deep, so that hostile input cannot exhaust the stack.
    package init(parsing bytes: UnsafeRawBufferPointer, depth: Int = 64) throws(JSONError) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document(depth: depth)
    }

    package init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.withUnsafeBytes { buffer in Result { () throws(JSONError) in try JSON(parsing: buffer) } }
            .get()
    }

    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }
}

private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func document(depth: Int) throws(JSONError) -> JSON {
        if let offset = firstInvalidUTF8() { throw .notUTF8(offset: offset) }
        skipSpace()
        let value = try value(depth: depth)
        skipSpace()
        if position < bytes.count { throw .unexpected(offset: position) }
        return value
    }

    private func firstInvalidUTF8() -> Int? {
        // ASCII, which nearly all of it is, is told in one look.
        if bytes.reduce(0, |) < 0x80 { return nil }
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): offset += UTF8.width(scalar)
            case .emptyInput: return nil
            case .error: return offset
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth > 0 else { throw .tooDeep(offset: position) }
        switch try peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        var names: Set<String> = []
        skipSpace()
        if try peek() == UInt8(ascii: "}") {
            position += 1
            return .object([])
        }
        while true {
            skipSpace()
            guard try peek() == UInt8(ascii: "\"") else { throw .unexpected(offset: position) }
            let name = try string()
            guard isNew(name, among: members, &names) else { throw .duplicateName(name) }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            members.append(JSON.Member(name, try value(depth: depth - 1)))
            skipSpace()
            if try peek() == UInt8(ascii: "}") {
                position += 1
                return .object(members)
            }
            try expect(UInt8(ascii: ","))
        }
    }

    /// Few names are compared one by one, which costs less than hashing them; `names` is used from then on.
    private func isNew(_ name: String, among members: [JSON.Member], _ names: inout Set<String>) -> Bool {
        if members.count < 8 { return !members.contains { $0.name == name } }
        if names.isEmpty { names = Set(members.map(\.name)) }
        return names.insert(name).inserted
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var values: [JSON] = []
        skipSpace()
        if try peek() == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            skipSpace()
            values.append(try value(depth: depth - 1))
            skipSpace()
            if try peek() == UInt8(ascii: "]") {
                position += 1
                return .array(values)
            }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            let plain = plainRun()
            let byte = try peek()
            position += 1
            switch byte {
            case UInt8(ascii: "\"") where text.isEmpty: return String(decoding: plain, as: UTF8.self)
            case UInt8(ascii: "\""): return String(decoding: text + plain, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text += plain
                text += Array(String(try escape()).utf8)
            default: throw .unexpected(offset: position - 1)
            }
        }
    }

    /// What stands for itself, up to the next quote, escape or control character, which is the next to be read.
    private mutating func plainRun() -> UnsafeRawBufferPointer {
        let start = position
        while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\""),
            bytes[position] != UInt8(ascii: "\\")
        {
            position += 1
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let byte = try peek()
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw .unexpected(offset: position - 1)
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // A character beyond 16 bits is written as two surrogates.
        try expect(UInt8(ascii: "\\"))
        try expect(UInt8(ascii: "u"))
        let second = try hexadecimal()
        guard (0xd800..<0xdc00).contains(first), (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw .unexpected(offset: position) }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue else {
                throw .unexpected(offset: position)
            }
            position += 1
            value = value << 4 + UInt32(digit)
        }
        return value
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        if try peek() == UInt8(ascii: "-") { position += 1 }
        if try peek() == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        if position == start {
            if position < bytes.count { throw .unexpected(offset: position) }
            throw .unexpectedEnd
        }
    }

    private mutating func word(_ text: String, _ value: JSON) throws(JSONError) -> JSON {
        for byte in text.utf8 { try expect(byte) }
        return value
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw .unexpected(offset: position) }
        position += 1
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw .unexpectedEnd }
        return bytes[position]
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }
}
