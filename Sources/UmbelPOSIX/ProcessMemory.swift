internal import Glibc

/// What the kernel says that this process has in memory.
package struct ProcessMemory: Hashable, Sendable {
    /// Bytes of its own: heap, stacks, anonymous mappings (`RssAnon`).
    package let anonymous: Int
    /// Bytes of mapped files, of the program itself too (`RssFile`).
    package let files: Int

    /// - Returns: nil where there is no `/proc/self/status` that tells.
    package static func now() -> ProcessMemory? {
        guard let file = fopen("/proc/self/status", "r") else { return nil }
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 8192)
        let count = fread(&text, 1, text.count, file)
        let lines = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n")
        guard let anonymous = bytes("RssAnon:", lines), let files = bytes("RssFile:", lines) else { return nil }
        return ProcessMemory(anonymous: anonymous, files: files)
    }

    /// The value of a line such as "RssAnon:     1234 kB".
    private static func bytes(_ name: String, _ lines: [Substring]) -> Int? {
        guard let line = lines.first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}
