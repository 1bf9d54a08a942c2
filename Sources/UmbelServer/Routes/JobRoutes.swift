internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelImages

/// `/v1/jobs`: what is drawn, waits to be drawn, and was drawn lately.
enum JobRoutes {
    static let all = [
        Route(.get, "/v1/jobs", "List the drawing jobs that are known", handler: list),
        Route(.get, "/v1/jobs/{id}", "One job: queue position, step, result", handler: get),
        Route(.delete, "/v1/jobs/{id}", "Cancel a job: at once, or within the step under way", handler: cancel),
        Route(
            .get, "/v1/jobs/{id}/events", "Follow a job by server-sent events until it has ended",
            parameters: [
                .init("previews", "true: with small PNG pictures, in base64, of what is there so far"),
                .init("cancel", "true: cancel the job when this client goes away and nobody else follows it"),
            ], handler: events),
        Route(
            .get, "/v1/jobs/{id}/pictures/{number}", "One picture of a completed job, from 0",
            parameters: [.init("format", "png, jpeg or webp"), .init("quality", "1 to 100, for JPEG and WebP")],
            handler: picture),
        Route(
            .get, "/v1/jobs/{id}/sheet", "All pictures of a completed sweep on one labelled sheet, as PNG",
            handler: sheet),
    ]

    private static func list(_ call: Call) throws -> Response {
        let queue = try call.desk.queue
        let jobs = queue.jobs.map { JobView.object($0) }
        return .json(.ok, ["object": "list", "data": .array(jobs), "waiting": JSON(queue.waitingCount)])
    }

    private static func job(_ call: Call) throws -> DrawingJob { try call.desk.queue.job(call.parameter("id")) }

    private static func get(_ call: Call) throws -> Response { .json(.ok, JobView.object(try job(call))) }

    private static func cancel(_ call: Call) throws -> Response {
        let job = try job(call)
        try call.desk.queue.cancel(job)
        return .json(.ok, JobView.object(job))
    }

    private static func events(_ call: Call) throws -> Response {
        let desk = try call.desk
        let job = try job(call)
        let cancels = try call.flag("cancel")
        let events = JobEvents(
            job: job, hasPreviews: try call.flag("previews"), isClientGone: call.request.isClientGone)
        let place = try desk.place()
        var response = Response(.ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"])
        response.body = .stream { sink in
            var isDone = false
            defer {
                if cancels, !isDone, !job.isWatched { desk.queue.cancel(job) }
            }
            isDone = try withExtendedLifetime(place) { try events.write(to: sink) }
        }
        return response
    }

    private static func picture(_ call: Call) throws -> Response {
        let job = try job(call)
        let pictures = try completed(job).pictures
        let text = call.parameter("number")
        guard let number = Int(text), pictures.indices.contains(number) else {
            throw DrawingJobError.unknownPicture(job: job.id, number: text, count: pictures.count)
        }
        var output = PictureOutput()
        if let text = call.query("format") {
            guard let format = PictureFormat(rawValue: text) else {
                throw RequestError.invalidParameter(name: "format", value: text, expected: "png, jpeg or webp")
            }
            output.format = format
        }
        if let text = call.query("quality") {
            guard let quality = Int(text), (1...100).contains(quality) else {
                throw RequestError.invalidParameter(name: "quality", value: text, expected: "a number from 1 to 100")
            }
            output.quality = quality
        }
        return .picture(try output.file(pictures[number], of: job), output.format)
    }

    private static func sheet(_ call: Call) throws -> Response {
        let job = try job(call)
        let status = try completed(job)
        guard let sheet = try SweepSheet.file(of: job, status) else {
            throw DrawingJobError.unknownPicture(job: job.id, number: "sheet", count: status.pictures.count)
        }
        return .picture(sheet, .png)
    }

    private static func completed(_ job: DrawingJob) throws(DrawingJobError) -> DrawingStatus {
        let status = job.status
        guard case .completed = status.state else { throw .notCompleted(job: job.id, state: status.word) }
        return status
    }
}

extension Response {
    static func picture(_ bytes: [UInt8], _ format: PictureFormat) -> Response {
        Response(.ok, headers: [.contentType: format.mediaType], body: .bytes(bytes))
    }
}
