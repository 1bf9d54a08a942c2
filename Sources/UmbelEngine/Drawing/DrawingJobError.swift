/// Why there is no drawing, apart from what the model says.
package enum DrawingJobError: Error, Hashable, Sendable {
    /// So many jobs wait already.
    case queueFull(limit: Int)
    /// So many requests wait for drawings already.
    case tooManyWaiting(limit: Int)
    /// The pictures of one job have so many pixels together.
    case tooManyPixels(Int, limit: Int)
    /// The service takes nothing more.
    case stopping
    /// Nothing here draws.
    case noPainter
    /// The base is of no kind that draws.
    case cannotDraw(base: String)
    case unknownJob(String)
    /// The job is not completed.
    case notCompleted(job: String, state: String)
    /// The job has so many pictures, numbered from 0, and a sheet only if it is a sweep.
    case unknownPicture(job: String, number: String, count: Int)
    /// Somebody ended the job.
    case cancelled(job: String)
}
