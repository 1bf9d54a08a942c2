extension JSON {
    /// Compact text, members in their order.
    package var text: String { String(decoding: bytes(indentation: nil), as: UTF8.self) }

    /// Indented text for people.
    package var prettyText: String { String(decoding: bytes(indentation: 0) + [UInt8(ascii: "\n")], as: UTF8.self) }

    private func bytes(indentation: Int?) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self, indentation)
        return writer.output
    }
}

/// Writes values as UTF-8. Bytes are appended, since a `String` looks at every character that it is given.
private struct JSONWriter {
    var output: [UInt8] = []

    mutating func write(_ value: JSON, _ indentation: Int?) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .number(let text): output += text.utf8
        case .string(let text): writeString(text)
        case .array(let values):
            writeList("[", "]", values, indentation) { writer, value, inner in writer.write(value, inner) }
        case .object(let members):
            writeList("{", "}", members, indentation) { writer, member, inner in
                writer.writeString(member.name)
                writer.append(indentation == nil ? ":" : ": ")
                writer.write(member.value, inner)
            }
        }
    }

    private mutating func append(_ text: StaticString) {
        output += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    private mutating func writeList<Element>(
        _ open: StaticString, _ close: StaticString, _ elements: [Element], _ indentation: Int?,
        _ writeElement: (inout Self, Element, Int?) -> Void
    ) {
        append(open)
        let inner = indentation.map { $0 + 2 }
        for (index, element) in elements.enumerated() {
            if index > 0 { append(",") }
            if let inner { breakLine(inner) }
            writeElement(&self, element, inner)
        }
        if let indentation, !elements.isEmpty { breakLine(indentation) }
        append(close)
    }

    private mutating func breakLine(_ indentation: Int) {
        append("\n")
        output += repeatElement(UInt8(ascii: " "), count: indentation)
    }

    private mutating func writeString(_ text: String) {
        append("\"")
        var text = text
        text.withUTF8 { bytes in
            // What needs an escape is ASCII, and no byte of a longer character is.
            if bytes.contains(where: Self.isEscaped) {
                for byte in bytes { writeEscaped(byte) }
            } else {
                output += bytes
            }
        }
        append("\"")
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func writeEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        case 0..<0x20:
            let digits = String(byte, radix: 16)
            output += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
        default: output.append(byte)
        }
    }
}
