import Dispatch

/// Progress over bytes: a bar with throughput and remaining time on a terminal, plain lines elsewhere.
struct ProgressBar {
    private let label: String
    private let total: Int
    private let isTerminal: Bool
    private let start = DispatchTime.now().uptimeNanoseconds
    private var done = 0
    private var lastDrawn: UInt64 = 0
    private var lastTenth = 0

    init(label: String, total: Int, isQuiet: Bool = false) {
        self.label = label
        self.total = total
        isTerminal = Terminal.errorIsTerminal && !isQuiet
        lastTenth = isQuiet ? 10 : 0
    }

    mutating func add(_ bytes: Int) {
        done += bytes
        let now = DispatchTime.now().uptimeNanoseconds
        if isTerminal {
            guard now - lastDrawn > 100_000_000 else { return }
            lastDrawn = now
            Terminal.status(line(seconds: Double(now - start) / 1e9))
        } else if total > 0, done * 10 / total > lastTenth {
            lastTenth = done * 10 / total
            Terminal.error(line(seconds: Double(now - start) / 1e9), prefix: "")
        }
    }

    func finish() {
        if isTerminal { Terminal.status("") }
    }

    private func line(seconds: Double) -> String {
        let fraction = total == 0 ? 1 : Double(done) / Double(total)
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let remaining = rate > 0 ? Double(total - done) / rate : 0
        let width = 30
        let filled = Int(fraction * Double(width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let percent = Int(fraction * 100)
        let text = "\(ByteCount.text(done)) of \(ByteCount.text(total)), \(ByteCount.text(Int(rate)))/s"
        let left = percent < 100 ? ", \(Self.clock(remaining)) left" : ""
        return isTerminal ? "\(label) \(bar) \(percent) %  \(text)\(left)" : "\(label) \(percent) % \(text)"
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
    }
}

/// Sizes for people, in powers of ten.
enum ByteCount {
    static func text(_ bytes: Int) -> String {
        for (unit, size) in [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)] where bytes >= size {
            let tenths = Int((Double(bytes) / Double(size) * 10).rounded())
            return "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) B"
    }
}
