internal import UmbelEngine
internal import UmbelFormats
internal import UmbelImages
internal import UmbelModels
internal import UmbelRegistry

/// What the web UIs' calls say of a job.
enum WebUIInfo {
    /// The object that `info` holds as a text.
    static func object(_ job: DrawingJob, _ status: DrawingStatus, prompt: String) -> JSON {
        let request = job.task.drawings[0].request
        let pictures = status.pictures
        let seeds = pictures.map { JobView.seed($0.picture.seed) }
        let first = pictures.first?.picture
        return [
            "prompt": .string(prompt), "all_prompts": JSON(pictures.map { _ in prompt }),
            "negative_prompt": .string(request.negativePrompt),
            "all_negative_prompts": JSON(pictures.map { _ in request.negativePrompt }),
            "seed": JobView.seed(request.seed), "all_seeds": .array(seeds), "subseed": -1,
            "all_subseeds": .array(pictures.map { _ in -1 }), "subseed_strength": 0, "width": JSON(first?.width ?? 0),
            "height": JSON(first?.height ?? 0), "sampler_name": .string(request.sampler ?? ""),
            "cfg_scale": JSON(request.guidance), "steps": JSON(request.steps), "batch_size": JSON(request.count),
            "restore_faces": false, "sd_model_name": .string(job.task.drawings[0].name),
            "sd_model_hash": .string(String(job.task.drawings[0].model.first.id.prefix(10))),
            "denoising_strength": request.start.map { JSON($0.strength) } ?? .null, "index_of_first_image": 0,
            "infotexts": JSON(pictures.map { GenerationText.parameters($0, of: job).text }), "styles": [],
            "job_timestamp": .string(status.created.text), "clip_skip": JSON(request.clipSkip + 1),
            "is_using_inpainting_conditioning": false, "version": "umbel",
        ]
    }

    /// The progress where nothing is drawn.
    static let idle = progress(0, eta: 0, job: nil, step: 0, steps: 0, picture: nil)

    static func progress(_ job: DrawingJob, hasPicture: Bool) -> JSON {
        let status = job.status
        guard case .running(let progress) = status.state else { return idle }
        let part = Double(progress.step) / Double(max(1, progress.steps))
        let elapsed = Double(Date.now.seconds - (status.started ?? status.created).seconds)
        let preview = hasPicture ? progress.latest?.preview : nil
        return Self.progress(
            part, eta: part > 0 ? elapsed * (1 - part) / part : 0, job: job, step: progress.step,
            steps: progress.steps, picture: preview.flatMap { PictureOutput.preview($0()) })
    }

    private static func progress(
        _ part: Double, eta: Double, job: DrawingJob?, step: Int, steps: Int, picture: String?
    ) -> JSON {
        [
            "progress": JSON(part), "eta_relative": JSON(eta),
            "state": [
                "skipped": false, "interrupted": false, "job": .string(job?.id ?? ""),
                "job_count": JSON(job == nil ? 0 : 1), "job_timestamp": .string(job?.status.created.text ?? "0"),
                "job_no": 0, "sampling_step": JSON(step), "sampling_steps": JSON(steps),
            ],
            "current_image": JSON(picture), "textinfo": .null,
        ]
    }
}
