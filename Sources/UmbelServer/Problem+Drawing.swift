internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelImages
internal import UmbelModels

/// What to tell a client of what goes wrong with drawing.
extension Problem {
    init(drawing error: DrawingJobError) {
        switch error {
        case .queueFull(let limit):
            self.init(
                .tooManyRequests, "queue_full", "Queue full", "\(limit) drawings wait already; try again later")
            headers[.retryAfter] = "5"
        case .tooManyWaiting(let limit):
            self.init(
                .tooManyRequests, "queue_full", "Queue full",
                "\(limit) requests wait for drawings already; “Prefer: respond-async” gives a job without waiting")
            headers[.retryAfter] = "5"
        case .tooManyPixels(let pixels, let limit):
            self.init(
                .unprocessableContent, "too_many_pixels", "Too many pixels",
                "The pictures of one job would have \(pixels) pixels together, and at most \(limit) are drawn")
        case .stopping:
            self.init(.serviceUnavailable, "not_ready", "Not ready", "The service is stopping")
            headers[.retryAfter] = "1"
        case .noPainter:
            self.init(.notImplemented, "cannot_draw", "Cannot draw", "No base of this service draws pictures")
        case .cannotDraw(let base):
            self.init(.unprocessableContent, "cannot_draw", "Cannot draw", "The base “\(base)” draws no pictures")
        case .unknownJob(let id):
            self.init(.notFound, "unknown_job", "Unknown job", "There is no job “\(id)”, or it is forgotten by now")
        case .notCompleted(let job, let state):
            self.init(.conflict, "job_not_completed", "Job not completed", "The job “\(job)” is \(state)")
        case .unknownPicture(let job, let number, let count):
            self.init(
                .notFound, "unknown_picture", "Unknown picture",
                "The job “\(job)” has \(count) pictures, counted from 0, and no “\(number)”")
        case .cancelled(let job):
            self.init(.conflict, "drawing_cancelled", "Drawing cancelled", "The job “\(job)” was cancelled")
        }
    }

    init(cannotDraw base: String, _ error: ModelError) {
        self.init(
            .unprocessableContent, "cannot_draw", "Cannot draw",
            "The base “\(base)” draws no pictures: \(error.sentence)")
    }

    init(model error: ModelError) {
        switch error {
        case .request(let field, _, _):
            self.init(.badRequest, "invalid_field", "Invalid field", error.sentence)
            errors = [["code": "invalid_field", "field": .string(field)]]
        case .schedule(let cause):
            guard let field = cause.requestField else {
                self.init(.unprocessableContent, "cannot_draw", "Cannot draw", error.sentence)
                return
            }
            self.init(.badRequest, "invalid_field", "Invalid field", error.sentence)
            errors = [["code": "invalid_field", "field": .string(field)]]
        case .cancelled:
            self.init(.conflict, "drawing_cancelled", "Drawing cancelled", error.sentence)
        default:
            self.init(.internalServerError, "drawing_failed", "Drawing failed", error.sentence)
        }
    }

    init(sweep error: SweepError) {
        switch error {
        case .tooManyAxes:
            self.init(
                .unprocessableContent, "too_many_axes", "Too many axes",
                "A sheet has columns and rows: at most two axes can have several values")
        case .tooManyCells(let count, let limit):
            self.init(
                .unprocessableContent, "too_many_cells", "Too many pictures",
                "The sweep has \(count) pictures, and at most \(limit) are drawn")
        }
    }

    init(network error: PromptNetworkError) {
        switch error {
        case .unknown(let name, let nearest):
            let hint = nearest.map { "; did you mean “\($0)”?" } ?? "; GET /sdapi/v1/loras lists them"
            self.init(
                .badRequest, "unknown_network", "Unknown adapter", "There is no adapter “\(name)” for the prompt\(hint)"
            )
        case .dynamicRank(let name):
            self.init(
                .badRequest, "invalid_prompt_tag", "Invalid tag in the prompt",
                "The tag of “\(name)” asks for a rank (dyn), and adapters are applied whole")
        case .strength(let name):
            self.init(
                .badRequest, "invalid_prompt_tag", "Invalid tag in the prompt",
                "A strength of “\(name)” must be \(Scale.description)")
        case .negative:
            self.init(
                .badRequest, "invalid_prompt_tag", "Invalid tag in the prompt",
                "An adapter in the negative prompt means nothing; adapters go into the prompt")
        }
    }

    init(tag error: NetworkTagError) {
        self.init(.badRequest, "invalid_prompt_tag", "Invalid tag in the prompt", error.sentence)
    }

    init(input error: PictureInputError) {
        self.init(.badRequest, "invalid_picture", "Invalid picture", "“\(error.field)”: \(error.error.sentence)")
        errors = [["code": "invalid_picture", "field": .string(error.field)]]
    }

    init(picture error: PictureError) {
        self.init(.unprocessableContent, "invalid_picture", "Picture not made", error.sentence)
    }
}

extension ScheduleError {
    /// The field of a request that is at fault; nil if it is the model's own scheduler.
    fileprivate var requestField: String? {
        switch self {
        case .unknownSampler: "sampler"
        case .unknownSpacing, .spacing: "scheduler"
        case .steps, .untrained: "steps"
        case .strength: "strength"
        case .notJSON, .notObject, .unknownClass, .wrongType, .outOfRange, .unsupported, .conflict: nil
        }
    }
}
