internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelModels
internal import UmbelPOSIX

/// What happens to a job as server-sent events (HTML, 9.2), until it has ended.
///
///     event: queued | progress | completed | failed | cancelled
///     data: {…}
struct JobEvents: Sendable {
    /// Seconds without an event until a comment tells proxies that the connection lives.
    private static let quietSeconds = 15.0
    /// Seconds between two looks at whether the client is still there.
    private static let patience = 0.5

    let job: DrawingJob
    let hasPreviews: Bool
    let isClientGone: @Sendable () -> Bool

    /// - Returns: whether the client followed it to its end.
    func write(to sink: ByteSink) throws -> Bool {
        let changes = job.changes()
        var quiet = 0.0
        while true {
            if let status = changes.next(within: Self.patience) {
                quiet = 0
                try send(event(status), to: sink)
                if status.isFinished { return true }
            } else {
                quiet += Self.patience
                if quiet >= Self.quietSeconds {
                    quiet = 0
                    try send(": still here\n\n", to: sink)
                }
            }
            if isClientGone() { return false }
        }
    }

    private func event(_ status: DrawingStatus) -> String {
        switch status.state {
        case .queued, .completed, .failed, .cancelled:
            return "event: \(status.word)\ndata: \(JobView.object(job, status).text)\n\n"
        case .running(let progress):
            var members = JobView.progress(progress)
            if hasPreviews, let preview = progress.latest?.preview {
                members.append(.init("preview", JSON(PictureOutput.preview(preview()))))
            }
            return "event: progress\ndata: \(JSON.object(members).text)\n\n"
        }
    }

    private func send(_ text: String, to sink: ByteSink) throws {
        try Array(text.utf8).withUnsafeBytes { try sink(.memory($0)) }
    }
}
