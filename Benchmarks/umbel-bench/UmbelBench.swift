import ArgumentParser

@main
struct UmbelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "umbel-bench",
        abstract:
            "Measures how fast Umbel merges and its networks compute, and makes the large files that other measurements need.",
        subcommands: [
            MergeBenchmark.self, ScaleBenchmark.self, SwapBenchmark.self, RepeatBenchmark.self, LayerBenchmark.self,
            DrawBenchmark.self,
            Generate.self,
        ])
}

extension Sequence where Element == Double {
    /// The middle one; the mean of the two middle ones of an even number. 0 for none.
    var median: Double {
        let sorted = sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension Double {
    func text(_ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { product, _ in product * 10 }
        let scaled = Int((self * Double(scale)).rounded())
        guard digits > 0 else { return String(scaled) }
        let fraction = String(abs(scaled) % scale)
        let sign = scaled < 0 ? "-" : ""
        return "\(sign)\(abs(scaled) / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension String {
    func padded(_ width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: Swift.max(0, width - count))
        return right ? space + self : self + space
    }
}
