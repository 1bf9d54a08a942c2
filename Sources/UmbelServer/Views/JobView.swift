internal import UmbelEngine
internal import UmbelFormats
internal import UmbelModels
internal import UmbelRegistry

/// A drawing job as JSON.
enum JobView {
    static func path(_ job: DrawingJob) -> String { "/v1/jobs/\(job.id)" }

    /// - Parameter number: from 0.
    static func picturePath(_ job: DrawingJob, _ number: Int) -> String { "\(path(job))/pictures/\(number)" }

    static func object(_ job: DrawingJob) -> JSON { object(job, job.status) }

    static func object(_ job: DrawingJob, _ status: DrawingStatus) -> JSON {
        var members: [JSON.Member] = [
            .init("id", .string(job.id)), .init("object", "job"), .init("kind", .string(job.task.door.rawValue)),
            .init("status", .string(status.word)), .init("model", .string(job.task.drawings[0].name)),
            .init("created", .string(status.created.text)), .init("started", JSON(status.started?.text)),
            .init("completed", JSON(status.completed?.text)),
        ]
        switch status.state {
        case .queued(let position): members.append(.init("queue_position", JSON(position)))
        case .running(let progress): members += Self.progress(progress)
        case .completed: members.append(.init("result", result(job, status)))
        case .failed(let error): members.append(.init("error", Problem(error).json))
        case .cancelled: break
        }
        return .object(members)
    }

    static func progress(_ progress: DrawingStatus.Progress) -> [JSON.Member] {
        [
            .init("step", JSON(progress.step)), .init("steps", JSON(progress.steps)),
            .init("drawing", JSON(progress.drawing)), .init("has_preview", .bool(progress.latest?.preview != nil)),
        ]
    }

    private static func result(_ job: DrawingJob, _ status: DrawingStatus) -> JSON {
        let pictures = status.pictures.enumerated().map { number, item -> JSON in
            let drawing = job.task.drawings[item.drawing]
            return [
                "url": .string(picturePath(job, number)), "seed": seed(item.picture.seed),
                "width": JSON(item.picture.width), "height": JSON(item.picture.height),
                "model": .string(drawing.name), "variant": .string(drawing.model.first.id),
            ]
        }
        var members: [JSON.Member] = [.init("pictures", .array(pictures))]
        if job.task.sheet != nil { members.append(.init("sheet", .string("\(path(job))/sheet"))) }
        return .object(members)
    }

    static func seed(_ seed: UInt64) -> JSON { .number("\(seed)") }
}
