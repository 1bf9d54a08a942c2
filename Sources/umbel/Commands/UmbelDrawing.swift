import UmbelEngine
import UmbelServer

/// How this program draws.
enum UmbelDrawing {
    /// The desk of an engine's drawings; nil where nothing draws.
    ///
    /// - Parameter workers: threads that answer requests, of which half may wait for drawings.
    static func desk(
        for engine: Engine, _ settings: DrawingQueue.Settings, _ painting: PainterSettings, workers: Int
    ) -> DrawingDesk? {
        let painter = PipelinePainter(
            bases: engine.bases, cache: engine.cache, pool: engine.pool, settings: painting)
        let queue = DrawingQueue(painter: painter, settings: settings) { variant in
            _ = try engine.cache.makeResident(variant, pin: nil)
        }
        return DrawingDesk(queue, watchLimit: workers / 2)
    }
}
