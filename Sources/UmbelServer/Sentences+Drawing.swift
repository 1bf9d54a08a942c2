package import UmbelImages
package import UmbelModels

extension ModelError {
    package var sentence: String {
        switch self {
        case .missingTensor(let name): "It has no tensor “\(name)”"
        case .shape(let tensor, let found, let expected): "“\(tensor)” is \(found) and should be \(expected)"
        case .dtype(let tensor, let type): "“\(tensor)” is of type \(type), and weights are floating-point numbers"
        case .missingFile(let path): "The file \(path) is missing"
        case .missingPart(let part): "It has no “\(part)” to draw with"
        case .missingTokenizer(let tensor, let rows, let place):
            "“\(tensor)” has \(rows) tokens, which is not CLIP's vocabulary, and there is no \(place)/ beside the file"
        case .malformed(let file, let reason): "\(file) is malformed: \(reason)"
        case .unsupported(let setting, let value): "“\(setting)” is “\(value)”, which is not supported"
        case .request(let field, let value, let expected): "“\(field)” is “\(value)”, expected \(expected)"
        case .schedule(let error): error.sentence
        case .missingInput(let name): "The network needs “\(name)”, in the size that it takes"
        case .tokenOutOfRange(let token, let vocabulary):
            "The text encoder has \(vocabulary) tokens, and none of number \(token)"
        case .tooManyTokens(let count, let limit): "\(count) tokens are too many: the text encoder takes \(limit)"
        case .cancelled: "The drawing was cancelled"
        }
    }
}

extension ScheduleError {
    package var sentence: String {
        switch self {
        case .notJSON(let error): "The scheduler's configuration is no JSON: \(error.sentence)"
        case .notObject: "The scheduler's configuration is no JSON object"
        case .unknownClass(let name?): "Schedulers of class “\(name)” are not known"
        case .unknownClass(nil): "The scheduler's configuration has no “_class_name”"
        case .wrongType(let field): "“\(field)” of the scheduler has the wrong type"
        case .outOfRange(let field): "“\(field)” of the scheduler is out of range"
        case .unsupported(let field, let value): "“\(field)” of the scheduler is “\(value)”, which is not supported"
        case .conflict(let fields): "The scheduler cannot have these together: \(fields.joined(separator: ", "))"
        case .steps(let steps, let allowed):
            "\(steps) steps: the scheduler takes \(allowed.lowerBound) to \(allowed.upperBound)"
        case .untrained(let timestep, let trained):
            "Time \(timestep) is beyond the \(trained) that the model was trained for"
        case .strength(let strength): "A strength of \(strength) leaves nothing to draw: it is above 0, at most 1"
        case .unknownSampler(let name): "There is no sampler “\(name)”"
        case .unknownSpacing(let name): "There is no schedule type “\(name)”"
        case .spacing(let spacing, let sampler): "The sampler “\(sampler)” has no schedule type “\(spacing)”"
        }
    }
}

extension PictureError {
    package var sentence: String {
        switch self {
        case .unknownFormat: "This is no PNG, JPEG or WebP file"
        case .damaged(let format, let reason): "The \(format.name) file is damaged: \(reason)"
        case .unsupported(let format, let kind): "This kind of \(format.name) file is not read: \(kind)"
        case .tooLarge(let width, let height, let limits):
            "\(width) × \(height) pixels are too many: at most \(limits.side) a side and \(limits.pixels) together"
        case .beyondFormat(let format, let width, let height, let side):
            "\(width) × \(height) pixels do not fit into a \(format.name) file, whose sides have at most \(side)"
        case .textTooLong(let format, let bytes, let limit):
            "A text of \(bytes) bytes does not fit into a \(format.name) file, which takes \(limit)"
        case .textKey(let format, let key): "A \(format.name) file takes no text called “\(key)”"
        case .notWritten(let format, let reason): "The \(format.name) file could not be written: \(reason)"
        }
    }
}

extension PictureFormat {
    /// As people write it.
    fileprivate var name: String {
        switch self {
        case .png: "PNG"
        case .jpeg: "JPEG"
        case .webp: "WebP"
        }
    }
}

extension NetworkTagError {
    package var sentence: String {
        switch self {
        case .missingName: "A tag names no adapter"
        case .invalidValue(let tag, let option, let value): "In the tag of “\(tag)”, “\(option)” cannot be “\(value)”"
        case .unknownOption(let tag, let option): "The tag of “\(tag)” has the unknown option “\(option)”"
        case .repeatedOption(let tag, let option): "The tag of “\(tag)” gives “\(option)” twice"
        case .surplusValue(let tag, let value): "The tag of “\(tag)” has “\(value)” beside all that has a meaning"
        case .blockWeightCount(let tag, let count):
            "The tag of “\(tag)” has weights for \(count) blocks: 17 or 26 for SD 1 and 2, 12 or 20 for SDXL"
        }
    }
}
