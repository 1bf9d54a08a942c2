/// The texts that a prompt stands for while a picture is being made, in the syntax of the Stable Diffusion web UI.
///
/// `[from:to:when]` changes from one text to the other, `[to:when]` adds one, `[from::when]` takes one away, and `[a|b|c]`
/// takes turns. `when` is a step, or a fraction of all steps if it is written with a point. Attention brackets inside stay as
/// they are. A text whose brackets make no sense stands for itself throughout.
package struct PromptSchedule: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        /// The last step of the text. Steps count from 1 here.
        package let lastStep: Int
        package let text: String
    }

    /// In the order of their steps; the last one ends with the last step.
    package let entries: [Entry]

    /// - Parameter steps: evaluations of the denoiser, of which some samplers take two a step; at least 1.
    package init(_ prompt: String, steps: Int) {
        let steps = max(1, steps)
        guard let tree = ScheduleTree(prompt), tree.changes else {
            entries = [Entry(lastStep: steps, text: prompt)]
            return
        }
        entries = tree.lastSteps(of: steps).map { Entry(lastStep: $0, text: tree.text(at: $0, of: steps)) }
    }

    /// The same text throughout, whatever it says.
    package init(plain prompt: String, steps: Int) {
        entries = [Entry(lastStep: max(1, steps), text: prompt)]
    }

    /// The text for an evaluation, counted from 0.
    ///
    /// As in the web UI, a text still holds for the evaluation after its last step: `[a:b:5]` takes `a` for evaluations 0–5.
    package func text(at evaluation: Int) -> String {
        (entries.first { evaluation <= $0.lastStep } ?? entries.last)?.text ?? ""
    }
}
