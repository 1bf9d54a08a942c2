import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelServer
import UmbelTensor

/// What `umbel check` prints.
struct CheckReport {
    let path: String
    let adapter: Adapter
    let report: BindingReport
    let effects: [ModuleEffect]?
    let refusal: BindingRefusal?
    let overflow: MergeError?

    var json: JSON {
        var members = AdapterView.summary(adapter, report)
        members.insert(.init("adapter", .string(path)), at: 0)
        members.append(.init("coverage", AdapterView.coverage("base", report)))
        members.append(.init("report", AdapterView.report(report, base: "base", effects: effects)))
        members.append(.init("mergeable", .bool(refusal == nil && overflow == nil)))
        if let overflow { members.append(.init("overflow", .string(overflow.sentence))) }
        return .object(members)
    }

    func text(verbose: Bool) -> String {
        var lines = [heading]
        lines += algorithmLines
        lines.append("coverage    \(report.matches.count) of \(report.modules) modules find their place")
        lines += doraLines
        lines += effectLines(verbose: verbose)
        lines += report.notes.map { "note        \($0.code.rawValue): \($0.sentence) (\($0.keys.quoted))" }
        let complaints = Self.complaints(report)
        if !complaints.isEmpty { lines.append(String(complaints.dropFirst())) }
        if let overflow { lines.append("overflow    \(overflow.sentence)") }
        lines.append(verdict)
        return lines.joined(separator: "\n")
    }

    private var heading: String {
        "\(path): \(adapter.format.rawValue) adapter, \(adapter.modules.count) modules, \(adapter.dtype.rawValue)"
    }

    private var algorithmLines: [String] {
        let groups = Dictionary(grouping: adapter.modules) { $0.algorithm.name }
        return groups.sorted { $0.key < $1.key }.map { name, modules in
            let ranks = Set(modules.compactMap { $0.algorithm.rank(of: $0.factors) }).sorted()
            let ranged = ranks.isEmpty ? "" : ", rank \(Self.range(ranks.map(String.init)))"
            let alphas = Set(modules.compactMap { (try? $0.factors.number(.alpha)) ?? nil }).sorted()
            let alpha = alphas.isEmpty ? "" : ", alpha \(Self.range(alphas.map { JSON($0).text }))"
            return "algorithm   \(name): \(modules.count) modules\(ranged)\(alpha)"
        }
    }

    private static func range(_ values: [String]) -> String {
        guard let first = values.first, let last = values.last, values.count > 1 else { return values.first ?? "" }
        return values.count <= 4 ? values.joined(separator: ", ") : "\(first) to \(last)"
    }

    private var doraLines: [String] {
        let groups = Dictionary(grouping: report.matches.compactMap(\.dora)) { $0.axis.rawValue }
        return groups.sorted { $0.key < $1.key }.map { axis, reports in
            "DoRA        \(axis) axis in \(reports.count) modules, by \(reports.first?.decidedBy ?? "")"
        }
    }

    private func effectLines(verbose: Bool) -> [String] {
        guard let effects, !effects.isEmpty else { return [] }
        let changes = effects.compactMap(\.relativeChange).sorted()
        let idle = effects.filter { $0.changeNorm == 0 }
        var lines: [String] = []
        if let smallest = changes.first, let largest = changes.last {
            let median = changes[changes.count / 2]
            lines.append(
                "effect      ‖ΔW‖/‖W‖ from \(Self.short(smallest)) to \(Self.short(largest)), median \(Self.short(median))"
            )
        }
        if !idle.isEmpty { lines.append("no effect   \(idle.count) modules: \(idle.map(\.stem).quoted)") }
        if verbose {
            lines += effects.map { effect in
                "module      \(effect.stem) → \(effect.module): \(effect.relativeChange.map(Self.short) ?? "base is zero")"
            }
        }
        return lines
    }

    private static func short(_ value: Double) -> String {
        guard value > 0 else { return "0" }
        var (scaled, exponent) = (value, 0)
        while scaled < 1 { (scaled, exponent) = (scaled * 10, exponent - 1) }
        while scaled >= 10 { (scaled, exponent) = (scaled / 10, exponent + 1) }
        let rounded = (value / Self.power(exponent - 2)).rounded() * Self.power(exponent - 2)
        return "\((rounded * 1e9).rounded() / 1e9)"
    }

    private static func power(_ exponent: Int) -> Double {
        (0..<abs(exponent)).reduce(1.0) { value, _ in exponent < 0 ? value / 10 : value * 10 }
    }

    private var verdict: String {
        if overflow != nil { return "verdict     refused: the merged result would not be finite" }
        switch refusal {
        case nil: return "verdict     merges"
        case .noModuleMatched: return "verdict     refused: no module of the adapter is in this base"
        case .modulesDoNotFit: return "verdict     refused: modules do not fit"
        case .ambiguous: return "verdict     refused: names are ambiguous; --prefix may settle them"
        case .nothingToMerge:
            return "verdict     refused: a textual inversion has words for prompts and nothing to merge"
        case .partialMatch: return "verdict     refused: a part finds no place; --allow-unmatched merges the rest"
        }
    }

    /// What is wrong, one line each, each preceded by a line break.
    static func complaints(_ report: BindingReport) -> String {
        var lines = report.errors.map { "error       \($0.sentence)" }
        lines += report.ambiguities.map { "ambiguous   \($0.stems.quoted) may mean \($0.modules.quoted)" }
        lines += report.unmatched.map { item in
            "unmatched   \(item.stem) (\(item.keys.count) tensors)" + (item.nearest.map { "; nearest is \($0)" } ?? "")
        }
        lines += report.unknownKeys.map { "unknown     \($0)" }
        return lines.map { "\n" + $0 }.joined()
    }
}
