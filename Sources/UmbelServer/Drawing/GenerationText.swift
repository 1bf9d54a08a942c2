internal import UmbelEngine
internal import UmbelImages
internal import UmbelModels

/// What a picture was made of, as the web UIs write it into the file and read it back.
enum GenerationText {
    static func parameters(_ item: DrawingStatus.Picture, of job: DrawingJob) -> GenerationParameters {
        let drawing = job.task.drawings[item.drawing]
        let request = drawing.request
        typealias Name = GenerationParameters.Name
        let number = GenerationParameters.number
        var parameters = GenerationParameters(prompt: drawing.prompt, negativePrompt: request.negativePrompt)
        parameters[Name.steps] = "\(request.steps)"
        parameters[Name.sampler] = request.sampler
        parameters[Name.scheduleType] = request.schedule
        parameters[Name.guidance] = number(request.guidance)
        parameters[Name.seed] = "\(item.picture.seed)"
        parameters[Name.size] = "\(item.picture.width)x\(item.picture.height)"
        parameters[Name.model] = drawing.name
        if let start = request.start { parameters[Name.denoisingStrength] = number(start.strength) }
        // The web UIs count the layer that is taken, from the end.
        if request.clipSkip > 0 { parameters[Name.clipSkip] = "\(request.clipSkip + 1)" }
        parameters[Name.randomSource] = request.noise == .cpu ? "CPU" : "GPU"
        let adapters = drawing.model.first.reference.terms
        if !adapters.isEmpty {
            parameters[Name.loraHashes] = adapters.map { "\($0.adapter): \($0.digestPrefix?.prefix(12) ?? "")" }
                .joined(separator: ", ")
        }
        parameters[Name.version] = "umbel"
        return parameters
    }
}
