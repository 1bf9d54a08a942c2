internal import Synchronization
internal import UmbelEngine

/// The model that the web UIs' clients draw with where a request says nothing.
enum WebUICheckpoint {
    /// What was chosen last, else the first base that draws.
    static func name(_ call: Call) throws -> String {
        let desk = try call.desk
        if let chosen = desk.checkpoint.withLock({ $0 }) { return chosen }
        guard let first = call.engine.bases.first(where: { desk.queue.painter.canDraw($0.name) }) else {
            throw DrawingJobError.noPainter
        }
        return first.name
    }

    /// A title as the lists write it, with a hash in brackets, means the model before them.
    static func reference(_ title: String) -> String {
        guard title.hasSuffix("]"), let open = title.lastIndex(of: "[") else { return title }
        return String(title[..<open].reversed().drop(while: \.isWhitespace).reversed())
    }
}
