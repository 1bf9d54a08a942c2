extension GenerationParameters {
    private static let negativeBeginning = "Negative prompt:"
    /// The web UIs take a last line with fewer settings for a part of the prompt.
    private static let fewestSettings = 3

    /// The text that goes into a file. Line breaks of prompts are written as `\n`.
    package var text: String {
        var text = Self.unified(prompt)
        if !negativePrompt.isEmpty { text += "\n\(Self.negativeBeginning) \(Self.unified(negativePrompt))" }
        if !settings.isEmpty {
            text += "\n" + settings.map { "\($0.name): \(SettingText.quoted($0.value))" }.joined(separator: ", ")
        }
        return text
    }

    /// What such a text says. Any text says something: what has no other meaning is the prompt.
    package init(text: String) {
        var lines = Self.unified(text).split(separator: "\n", omittingEmptySubsequences: false)
        var settings: [Setting] = []
        if let last = lines.last, let list = SettingText.list(last), Self.areSettings(list) {
            settings = list
            lines.removeLast()
        }
        let negative = lines.firstIndex { $0.utf8.starts(with: Self.negativeBeginning.utf8) } ?? lines.endIndex
        self.init(
            prompt: lines[..<negative].joined(separator: "\n"),
            negativePrompt: Self.negativePrompt(lines[negative...].joined(separator: "\n")), settings: settings)
    }

    private static func areSettings(_ list: [Setting]) -> Bool {
        if list.first?.name == Name.steps { return true }
        return list.count >= fewestSettings
            && list.allSatisfy { SettingText.isPlainName($0.name) && $0.value != $0.name }
    }

    private static func negativePrompt(_ text: String) -> String {
        // By scalars: a combining mark after the space would make one character with it.
        let prompt = text.unicodeScalars.dropFirst(negativeBeginning.unicodeScalars.count)
        return String(prompt.first == " " ? prompt.dropFirst() : prompt)
    }

    private static func unified(_ text: String) -> String {
        String(text.map { $0 == "\r\n" || $0 == "\r" ? "\n" : $0 })
    }
}
