/// What a prefix of an adapter's names stands for, as the caller says: `lora_te1=text_encoder`.
package struct Prefix: Hashable, Sendable {
    package let prefix: String
    package let component: String

    /// - Returns: nil if the text is not `prefix=component`.
    package init?(_ text: String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
        prefix = String(text[..<equals])
        component = String(text[text.index(after: equals)...])
    }

    package var text: String { "\(prefix)=\(component)" }
}
