/// Why a file is no valid safetensors file. One case for each rule of the format.
package enum SafetensorsError: Error, Hashable, Sendable {
    case emptyFile
    case headerTruncated(announced: UInt64?, fileBytes: Int)
    case headerTooLarge(announced: UInt64, limit: Int)
    case headerNotUTF8(offset: Int)
    case headerNotJSON(JSONError)
    case headerNotObject
    case duplicateName(String)
    case metadataInvalid(key: String)
    case entryMalformed(tensor: String)
    case unknownDType(tensor: String, dtype: String)
    case shapeInvalid(tensor: String, shape: String)
    case shapeOverflow(tensor: String, shape: String)
    case offsetsReversed(tensor: String, begin: Int, end: Int)
    case offsetsBeyondData(tensor: String, end: Int, dataBytes: Int)
    case sizeMismatch(tensor: String, expected: Int, actual: Int)
    case overlap(first: String, second: String)
    case gap(begin: Int, end: Int, before: String?)
    /// Another format behind the ending; `format` names it.
    case notSafetensors(format: ForeignFormat)

    /// A stable word for the condition.
    package var code: String {
        switch self {
        case .emptyFile: "empty_file"
        case .headerTruncated: "header_truncated"
        case .headerTooLarge: "header_too_large"
        case .headerNotUTF8: "header_not_utf8"
        case .headerNotJSON, .headerNotObject, .entryMalformed: "header_not_json"
        case .duplicateName: "header_duplicate_key"
        case .metadataInvalid: "metadata_invalid"
        case .unknownDType: "dtype_unknown"
        case .shapeInvalid: "shape_invalid"
        case .shapeOverflow: "shape_overflow"
        case .offsetsReversed, .offsetsBeyondData: "offsets_invalid"
        case .sizeMismatch: "size_mismatch"
        case .overlap: "offsets_overlap"
        case .gap: "offsets_gap"
        case .notSafetensors: "not_safetensors"
        }
    }
}

/// Other formats that turn up where a safetensors file is expected, told by their first bytes or their ending.
package enum ForeignFormat: String, Hashable, Sendable {
    case pickle
    case zipPickle
    case gguf
    case html

    /// What the first bytes of a file betray; nil for what may be safetensors.
    package init?(firstBytes bytes: UnsafeRawBufferPointer) {
        func starts(_ prefix: [UInt8]) -> Bool {
            bytes.count >= prefix.count && bytes.prefix(prefix.count).elementsEqual(prefix)
        }
        if starts([0x50, 0x4b, 0x03, 0x04]) {
            self = .zipPickle
        } else if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
            // Protocol byte of a pickle. A safetensors header of 640 to 1408 bytes could begin so, but its ninth byte is "{".
            if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return nil }
            self = .pickle
        } else if starts(Array("GGUF".utf8)) {
            self = .gguf
        } else if starts(Array("<!DOCTYPE".utf8)) || starts(Array("<html".utf8)) {
            self = .html
        } else {
            return nil
        }
    }

    /// The pickle-based formats by their usual endings.
    package init?(fileName: String) {
        let endings = [".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"]
        guard endings.contains(where: fileName.lowercased().hasSuffix) else { return nil }
        self = .pickle
    }
}
