import Dispatch
import UmbelClient
import UmbelFormats

/// Progress over steps: a bar with the time that is left on a terminal, plain lines elsewhere.
struct StepProgress {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private var start: UInt64?
    private var lastTenth = 0

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        isTerminal = Terminal.errorIsTerminal && !isQuiet
    }

    mutating func show(_ event: EventReader.Event) {
        guard !isQuiet else { return }
        switch event.name {
        case "queued":
            let position = event.data["queue_position"]?.integer ?? 1
            show("waiting, place \(position) in the queue", tenth: nil)
        case "progress":
            let step = event.data["step"]?.integer ?? 0
            let steps = max(1, event.data["steps"]?.integer ?? 1)
            let now = DispatchTime.now().uptimeNanoseconds
            let begun = start ?? now
            start = begun
            show(line(step, of: steps, seconds: Double(now - begun) / 1e9), tenth: step * 10 / steps)
        default: break
        }
    }

    func finish() {
        if isTerminal { Terminal.status("") }
    }

    private mutating func show(_ text: String, tenth: Int?) {
        if isTerminal { return Terminal.status(text) }
        guard let tenth, tenth > lastTenth else { return }
        lastTenth = tenth
        Terminal.error(text, prefix: "")
    }

    private func line(_ step: Int, of steps: Int, seconds: Double) -> String {
        let width = 30
        let filled = min(width, step * width / steps)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let left = step > 0 ? Int((seconds / Double(step) * Double(steps - step)).rounded(.up)) : 0
        let rest = step > 0 && step < steps ? ", \(left) s left" : ""
        return isTerminal ? "drawing \(bar) step \(step) of \(steps)\(rest)" : "drawing: step \(step) of \(steps)"
    }
}
