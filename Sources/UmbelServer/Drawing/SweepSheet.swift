internal import UmbelEngine
internal import UmbelImages

/// The labelled sheet of a sweep.
enum SweepSheet {
    /// A PNG; nil for a job that is no sweep.
    static func file(of job: DrawingJob, _ status: DrawingStatus) throws -> [UInt8]? {
        guard let sheet = job.task.sheet else { return nil }
        let pictures = status.pictures.map { Picture($0.picture) }
        let rows = stride(from: 0, to: pictures.count, by: sheet.columns.count).map { start -> [Picture?] in
            Array(pictures[start..<min(start + sheet.columns.count, pictures.count)])
        }
        let drawn = ContactSheet(title: sheet.title, columns: sheet.columns, rows: sheet.rows, pictures: rows)
        return try drawn.drawn().encoded(as: .png())
    }
}
