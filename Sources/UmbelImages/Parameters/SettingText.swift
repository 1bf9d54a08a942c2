/// The line of settings: `name: value` separated by commas, values with anything else in them as JSON strings.
enum SettingText {
    typealias Setting = GenerationParameters.Setting

    /// Between quotes if it could not be told from what surrounds it.
    static func quoted(_ value: String) -> String {
        let plain = value.unicodeScalars.allSatisfy { !",:\"\\".unicodeScalars.contains($0) && $0.value >= 0x20 }
        let trimmed = value.unicodeScalars.first != " " && value.unicodeScalars.last != " "
        return plain && trimmed ? value : "\"" + value.unicodeScalars.map(escaped).joined() + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            guard scalar.value < 0x20 else { return String(Character(scalar)) }
            return "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        }
    }

    /// The settings of a line; nil if something in it is none. A name alone is its own value, as the web UIs write it.
    static func list(_ line: Substring) -> [Setting]? {
        var rest = line.unicodeScalars[...]
        var settings: [Setting] = []
        while true {
            rest = rest.drop { $0 == " " }
            let name = rest.prefix { $0 != ":" && $0 != "," }
            guard !name.isEmpty else { return nil }
            rest = rest[name.endIndex...]
            let value = rest.first == ":" ? value(&rest) : trimmed(name)
            settings.append(Setting(trimmed(name), value))
            guard rest.popFirst() != nil else { return settings }
        }
    }

    /// What stands behind a colon, taken off up to the comma or the end.
    private static func value(_ rest: inout Substring.UnicodeScalarView) -> String {
        rest = rest.dropFirst().drop { $0 == " " }
        var left = rest
        if left.first == "\"", let value = string(&left) {
            left = left.drop { $0 == " " }
            if left.isEmpty || left.first == "," {
                rest = left
                return value
            }
        }
        let value = rest.prefix { $0 != "," }
        rest = rest[value.endIndex...]
        return trimmed(value)
    }

    /// Whether a name is of words only, as those of the web UIs' own settings are.
    static func isPlainName(_ name: String) -> Bool {
        name.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || " -_/".unicodeScalars.contains(scalar)
        }
    }

    private static func trimmed(_ value: Substring.UnicodeScalarView) -> String {
        let end = value.lastIndex { $0 != " " }.map(value.index(after:)) ?? value.startIndex
        return String(value[..<end])
    }

    /// A JSON string, taken off; nil if it is none.
    private static func string(_ rest: inout Substring.UnicodeScalarView) -> String? {
        var left = rest.dropFirst()
        var value = String.UnicodeScalarView()
        while let scalar = left.popFirst() {
            switch scalar {
            case "\"":
                rest = left
                return String(value)
            case "\\":
                guard let meant = escape(&left) else { return nil }
                value.append(meant)
            default: value.append(scalar)
            }
        }
        return nil
    }

    private static func escape(_ left: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
        guard let letter = left.popFirst() else { return nil }
        switch letter {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "u": return unicode(&left)
        case "\"", "\\", "/": return letter
        default: return nil
        }
    }

    /// Four hexadecimal digits, or twice four with another `\u` between for what UTF-16 needs two units for.
    private static func unicode(_ left: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
        guard let unit = hexadecimal(&left) else { return nil }
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard left.popFirst() == "\\", left.popFirst() == "u", let second = hexadecimal(&left),
            (0xD800...0xDBFF).contains(unit), (0xDC00...0xDFFF).contains(second)
        else { return nil }
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
    }

    private static func hexadecimal(_ left: inout Substring.UnicodeScalarView) -> UInt32? {
        let digits = left.prefix(4)
        left = left.dropFirst(4)
        guard digits.count == 4, digits.allSatisfy({ $0.properties.isASCIIHexDigit }) else { return nil }
        return UInt32(String(digits), radix: 16)
    }
}
