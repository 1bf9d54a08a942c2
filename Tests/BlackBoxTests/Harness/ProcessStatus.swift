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

    /// Pages that the process touched for the first time and that needed no reading (`minflt`).
    var pageFaults: Int {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(processIdentifier)/stat", encoding: .utf8)
            // Fields are counted from behind the program's name, which may hold anything.
            let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 7, let count = Int(fields[7]) else { throw HarnessFailure("no minflt: \(text)") }
            return count
        }
    }
}
