import Glibc

/// What the kernel tells about this process and machine, from the text files below /proc.
enum SystemFacts {
    /// Processors that this process may use: containers and `taskset` leave it fewer than the machine has.
    static var processors: Int {
        guard let list = field("Cpus_allowed_list:", in: "/proc/self/status") else {
            return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        }
        let count = list.split(separator: ",").reduce(0) { sum, part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            return sum + (ends.count == 2 ? ends[1] - ends[0] + 1 : ends.count)
        }
        return max(1, count)
    }

    /// Memory in bytes that could be used without pushing anything out; 1 GiB if the kernel does not say.
    static var freeMemory: Int {
        let kibibytes = field("MemAvailable:", in: "/proc/meminfo").flatMap { Int($0.prefix { $0.isNumber }) }
        return kibibytes.map { $0 * 1024 } ?? 1 << 30
    }

    /// Is less than a sixteenth of the memory left, of the machine or of the group that the process is limited with?
    static var isShortOfMemory: Bool {
        let total = field("MemTotal:", in: "/proc/meminfo").flatMap { Int($0.prefix { $0.isNumber }) }
        if let total, freeMemory < total * 1024 / 16 { return true }
        guard let limit = groupBytes("memory.max"), let used = groupBytes("memory.current") else { return false }
        // Pages of files are given up before anything else.
        let files = field("file ", in: groupFolder + "/memory.stat").flatMap { Int($0) } ?? 0
        return limit - max(0, used - files) < limit / 16
    }

    /// Where control groups are, as a container sees its own.
    private static let groupFolder = "/sys/fs/cgroup"

    /// A file of the process's control group that holds one number; nil if there is none, or no limit.
    private static func groupBytes(_ name: String) -> Int? {
        field("", in: groupFolder + "/" + name).flatMap { Int($0) }
    }

    /// The value behind `name` in a file of "name: value" lines.
    private static func field(_ name: String, in path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix(name) else { continue }
            return String(text.dropFirst(name.count).drop { $0 == " " || $0 == "\t" }.prefix { $0 != "\n" })
        }
        return nil
    }
}
