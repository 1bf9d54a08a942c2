import Foundation

extension Service {
    /// A field of `/proc/<pid>/status` that is given in kB, in bytes.
    func status(_ field: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(processIdentifier)/status", encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field + ":") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { throw HarnessFailure("no \(field) in the status of the process") }
        return kibibytes * 1024
    }

    /// Bytes of a mapped file that the process has in memory.
    func residentBytes(ofFile path: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(processIdentifier)/smaps", encoding: .utf8)
        var isInside = false
        var bytes = 0
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.first?.contains("-") == true, words.first?.hasSuffix(":") == false {
                isInside = line.hasSuffix(path)
            } else if isInside, words.first == "Rss:", let kibibytes = words.dropFirst().first.flatMap({ Int($0) }) {
                bytes += kibibytes * 1024
            }
        }
        return bytes
    }
}
