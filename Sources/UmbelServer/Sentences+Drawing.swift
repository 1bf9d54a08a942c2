package import UmbelImages
package import UmbelModels

extension ModelError {
    package var sentence: String {
        switch self {
        case .missingTensor(let name): "It has no tensor “\(name)”"
        case .shape(let tensor, let found, let expected): "“\(tensor)” is \(found) and should be \(expected)"
        case .dtype(let tensor, let type): "“\(tensor)” is of type \(type), and weights are floating-point numbers"
        case .missingFile(let path): "The file \(path) is missing"
        case .malformed(let file, let reason): "\(file) is malformed: \(reason)"
        case .unsupported(let setting, let value): "“\(setting)” is “\(value)”, which is not supported"
        case .request(let field, let value, let expected): "“\(field)” is “\(value)”, expected \(expected)"
        case .cancelled: "The drawing was cancelled"
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
