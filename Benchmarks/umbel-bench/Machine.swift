import Glibc
import UmbelFormats
import UmbelPOSIX

/// What the figures were taken on.
struct Machine {
    let processor = field("model name", in: "/proc/cpuinfo")
    let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let memory = field("MemTotal", in: "/proc/meminfo")
    let kernel = line(of: "/proc/sys/kernel/osrelease")
    /// Others may be at work here as well: processes ready to run, over the last minute.
    let load = line(of: "/proc/loadavg").split(separator: " ").first.map(String.init) ?? "?"

    var text: String {
        "\(processor), \(cores) cores, memory \(memory), Linux \(kernel), load \(load)"
    }

    var json: JSON {
        [
            "processor": .string(processor), "cores": JSON(cores), "memory": .string(memory), "kernel": .string(kernel),
            "load": .string(load),
        ]
    }

    private static func field(_ name: String, in path: String) -> String {
        let line = lines(of: path).first { $0.hasPrefix(name) } ?? ""
        guard let colon = line.firstIndex(of: ":") else { return "?" }
        return String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
    }

    private static func line(of path: String) -> String { lines(of: path).first.map(String.init) ?? "?" }

    /// Files of /proc say that they are empty, so they are read rather than mapped.
    private static func lines(of path: String) -> [Substring] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    }
}

/// Seconds that `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    var start = timespec()
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &start)
    try body()
    clock_gettime(CLOCK_MONOTONIC, &end)
    return Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9
}
