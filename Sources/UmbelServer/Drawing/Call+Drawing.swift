internal import HTTPTypes
internal import UmbelEngine
internal import UmbelHTTP

extension Call {
    /// Seconds between two looks at whether the client is still there.
    private static let patience = 0.25

    /// Has a task drawn and answers it: when it is done, or at once where the client prefers that.
    ///
    /// - Parameter answer: of a job that is completed.
    /// - Throws: also if a prompt says the word of a textual inversion whose file cannot be read.
    func drawn(
        _ task: DrawingTask, _ model: ResolvedModel, answer: (DrawingJob, DrawingStatus) throws -> Response
    ) throws -> Response {
        let desk = try desk
        for drawing in task.drawings { try drawing.model.words.check(drawing.request) }
        guard request.headers[.prefer]?.contains("respond-async") != true else {
            return accepted(try desk.queue.submit(task), model)
        }
        let place = try desk.place()
        let job = try desk.queue.submit(task)
        let status = try withExtendedLifetime(place) { try waited(for: job, desk.queue) }
        var response = try answer(job, status)
        for field in model.headers(self, status.times) { response.headers[field.name] = field.value }
        return response
    }

    private func accepted(_ job: DrawingJob, _ model: ResolvedModel) -> Response {
        let headers: HTTPFields = [
            .location: JobView.path(job), .preferenceApplied: "respond-async", .variant: model.variant.id,
        ]
        return .json(.accepted, JobView.object(job), headers: headers)
    }

    /// The status of the job when it is completed. A client that goes away takes its job with it.
    private func waited(for job: DrawingJob, _ queue: DrawingQueue) throws -> DrawingStatus {
        let changes = job.changes()
        while true {
            let status = changes.next(within: Self.patience)
            switch status?.state {
            case .completed: return status ?? job.status
            case .failed(let error): throw error
            case .cancelled: throw DrawingJobError.cancelled(job: job.id)
            case .queued, .running, nil: break
            }
            if request.isClientGone() { queue.cancel(job) }
        }
    }
}
