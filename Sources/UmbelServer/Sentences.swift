internal import UmbelAdapters
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelNames
internal import UmbelPOSIX
package import UmbelRegistry
internal import UmbelTensor

// What the floors beneath report as facts, in words. Each sentence names the key, shape or field that is meant.

extension SafetensorsError {
    package var sentence: String {
        switch self {
        case .emptyFile: "The file is empty"
        case .headerTruncated(nil, let bytes): "The file has \(bytes) bytes, too short to hold a header length"
        case .headerTruncated(let announced?, let bytes):
            "The header is announced with \(announced) bytes, but the file has only \(bytes)"
        case .headerTooLarge(let announced, let limit):
            "The header is announced with \(announced) bytes; the limit is \(limit)"
        case .headerNotUTF8(let offset): "The header is not UTF-8 at byte \(offset)"
        case .headerNotJSON(let error): "The header cannot be parsed: \(error.sentence)"
        case .headerNotObject: "The header is not a JSON object"
        case .duplicateName(let name): "“\(name)” appears twice in the header"
        case .metadataInvalid(let key): "The metadata entry “\(key)” is not a string"
        case .entryMalformed(let tensor): "The header entry of “\(tensor)” is malformed"
        case .unknownDType(let tensor, let dtype): "“\(tensor)” has the unknown type “\(dtype)”"
        case .shapeInvalid(let tensor, let shape): "“\(tensor)” has the shape \(shape), which is no list of sizes"
        case .shapeOverflow(let tensor, let shape): "“\(tensor)” has the shape \(shape), which no memory can hold"
        case .offsetsReversed(let tensor, let begin, let end): "“\(tensor)” begins at \(begin), after its end at \(end)"
        case .offsetsBeyondData(let tensor, let end, let bytes):
            "“\(tensor)” ends at \(end), beyond the \(bytes) bytes of data: the file is truncated"
        case .sizeMismatch(let tensor, let expected, let actual):
            "“\(tensor)” has \(actual) bytes where its type and shape need \(expected)"
        case .overlap(let first, let second): "“\(first)” and “\(second)” share bytes"
        case .gap(let begin, let end, let before?): "Bytes \(begin) to \(end), before “\(before)”, belong to no tensor"
        case .gap(let begin, let end, nil): "Bytes \(begin) to \(end), after the last tensor, belong to none"
        case .notSafetensors(let format): format.sentence
        }
    }
}

extension ForeignFormat {
    var sentence: String {
        switch self {
        case .pickle, .zipPickle:
            "This looks like a pickle checkpoint (.pt, .bin, .ckpt). Such files can run code when they are read, so they are never opened; convert it with safetensors.torch.save_file where you trust it"
        case .gguf: "This is a GGUF file; Umbel takes safetensors"
        case .html: "This is a web page, not a model: the download went wrong"
        }
    }
}

extension JSONError {
    var sentence: String {
        switch self {
        case .notUTF8(let offset): "it is not UTF-8 at byte \(offset)"
        case .unexpected(let offset): "byte \(offset) is not what JSON allows there"
        case .unexpectedEnd: "it ends in the middle"
        case .tooDeep(let offset): "it is nested too deep at byte \(offset)"
        case .duplicateName(let name): "“\(name)” appears twice in one object"
        }
    }
}

extension ReferenceError {
    package var sentence: String {
        switch self {
        case .empty: "The model reference is empty"
        case .tooLong(let limit): "The model reference is longer than \(limit) bytes"
        case .invalidName(let name): "“\(name)” is no name"
        case .invalidScale(let scale): "“\(scale)” is no scale: \(Scale.description)"
        case .stepwiseScale(let scale):
            "“\(scale)” changes with the steps, which only a drawing has; write one scale here"
        case .invalidSchedule(let text):
            "“\(text)” is no scale that changes with the steps: scale@part,… with parts ascending from 0 to below 1, at most \(ScaleSchedule.pointLimit)"
        case .tooManyStages(let limit): "The scales change at more than \(limit) places of the steps together"
        case .invalidOption(let option):
            "“\(option)” is no option of an adapter, or there twice: te=scale, unet=scale or lbw=factor,factor,…"
        case .invalidDigest(let digest):
            "“\(digest)” is neither a digest prefix (1 to 64 lower-case hexadecimal digits) nor a tag"
        case .malformedCombination(let text):
            "“\(text)” is no combination: method(adapter:weight,…;option=value…), and none inside another"
        case .combination(let error): error.sentence
        }
    }
}

extension CombinationError {
    package var sentence: String {
        switch self {
        case .unknownMethod(let name):
            "There is no combination method “\(name)”"
                + Self.hint(name, CombinationMethod.all.map(\.name))
        case .unknownOption(let method, let option):
            "“\(method)” has no option “\(option)”"
                + Self.hint(option, CombinationMethod.named(method)?.options.map(\.name) ?? [])
        case .invalidOption(let option, let value, let expected): "“\(option)” is “\(value)”, expected \(expected)"
        case .repeatedOption(let option): "The option “\(option)” is given twice"
        case .noAdapters: "The combination has no adapters"
        case .tooManyAdapters(let limit): "The combination has more than \(limit) adapters"
        case .notCombinable(let method, let module, let obstacle):
            "“\(method)” cannot take “\(module)”: \(obstacle.sentence)"
        }
    }

    /// The nearest of the names, or all of them where none is near.
    private static func hint(_ name: String, _ names: [String]) -> String {
        if let nearest = Spelling.nearest(to: name, among: names) { return "; did you mean “\(nearest)”?" }
        return names.isEmpty ? "" : "; there are \(names.joined(separator: ", "))"
    }
}

extension CombinationObstacle {
    var sentence: String {
        switch self {
        case .addsTensor: "it adds a tensor that the base lacks, which is no difference; put the adapter into the chain"
        case .changesShape: "it changes the shape of the weight, which is no difference; put the adapter into the chain"
        case .rankNeeded: "its difference has no rank of its own; give the option “rank”"
        case .notPair: "it is not one pair of factors, and PEFT combines only those; take a method without “peft_”"
        case .ranksDiffer: "the adapters have different ranks there, and their factors cannot be added"
        case .notVector: "it is no trained vector of (IA)³ along the same axis in every adapter"
        case .differentParts: "the adapters cut the base's tensor in different ways"
        }
    }
}

extension SystemError {
    /// Which call failed on what, and why.
    package var sentence: String { "\(call) of \(subject): \(message)" }
}

extension RegistryError {
    package var sentence: String {
        switch self {
        case .diskFull: "There is no room for the change in registry.sqlite; nothing was changed"
        case .damaged(let finding):
            "registry.sqlite is damaged (\(finding)); what can be read is served, and nothing is changed"
        case .database(let code, let message): "SQLite failed with code \(code): \(message)"
        case .laterVersion: "registry.sqlite was written by a later version of Umbel"
        case .inconsistent(let what): "registry.sqlite does not hold together: \(what)"
        case .system(let error): error.sentence
        case .unknownBlob(let digest): "There is no blob sha256:\(digest)"
        case .unknownRevision(let name, let revision): "“\(name)” has no \(revision), or does not keep it any more"
        case .unknownTag(let name, let tag, let known):
            "“\(name)” has no tag “\(tag)”"
                + (Spelling.nearest(to: tag, among: known).map { "; did you mean “\($0)”?" } ?? "")
        case .nothingBefore(let name): "“\(name)” has had no other content"
        }
    }
}

extension RegistryFault {
    package var sentence: String {
        switch self {
        case .database(let error): error.sentence
        case .content(let digest, let path, let names):
            "sha256:\(digest), which \(names.quoted) use, cannot be read: \(path)"
        case .formerRecord(let path): "the record of an earlier version cannot be read, and stays: \(path)"
        case .strayBlobs(let path):
            "there are contents but no registry.sqlite that knows them; they were moved to \(path)"
        }
    }
}

extension PEFTConfigError {
    var isAboutMethod: Bool {
        if case .notMergeable = self { true } else { false }
    }

    var code: String { isAboutMethod ? "not_mergeable" : "config_malformed" }

    var sentence: String {
        switch self {
        case .notJSON(let error): "adapter_config.json cannot be parsed: \(error.sentence)"
        case .notObject: "adapter_config.json is not a JSON object"
        case .wrongType(let field): "“\(field)” in adapter_config.json has a value of the wrong type"
        case .notMergeable(let method, let reason): "\(method) cannot be merged: \(reason)"
        }
    }
}

extension ModuleError {
    package var sentence: String {
        switch self {
        case .missingFactor(let module, let key): "“\(module)” lacks “\(key)”"
        case .rankMismatch(let module, let ranks):
            "The factors of “\(module)” disagree on the rank: "
                + ranks.sorted { $0.key < $1.key }.map { "“\($0.key)” \($0.value)" }.joined(separator: ", ")
        case .shapeMismatch(let module, let key, let shape, let expected):
            "“\(key)” of “\(module)” has shape \(shape.shapeText), the base needs \(expected)"
        case .unsupportedDType(let key, let dtype):
            "“\(key)” is of type \(dtype.rawValue); weights are floating-point numbers"
        case .emptyTensor(let key, let shape): "“\(key)” has shape \(shape.shapeText) and so no elements"
        case .nonFinite(let key, let index): "“\(key)” holds NaN or infinity at element \(index)"
        case .unknownAlgorithm(let module, let keys): "“\(module)” is of no known algorithm; it holds \(keys.quoted)"
        case .settingsMissing(let module, let keys, let setting):
            "“\(module)” holds \(keys.quoted), which say nothing without \(setting) of adapter_config.json, and that is missing"
        case .twoFamilies(let module, let algorithms):
            "“\(module)” holds weights of two algorithms: \(algorithms.quoted)"
        case .noSuchParameter(let module, let parameter):
            "“\(module)” changes a \(parameter) that the base does not have"
        case .notMergeable(let module, let reason): "“\(module)” cannot be merged: \(reason)"
        case .quantised(let module, let tensor, let dtype):
            "“\(module)” cannot be merged: the base stores “\(tensor)” quantised, as \(dtype.rawValue)"
        case .singular(let module, let key):
            "The rotation of “\(module)” from “\(key)” does not exist: a matrix is singular"
        case .resultNotFinite(let module): "Merging “\(module)” gives values that are not finite"
        }
    }

    var json: JSON { ["code": .string(code), "message": .string(sentence)] }
}

extension MergeError {
    var code: String {
        switch self {
        case .notFinite: "non_finite"
        case .decomposition: "decomposition_failed"
        case .shapeChangedBefore: "shape_mismatch"
        }
    }

    package var sentence: String {
        switch self {
        case .notFinite(let tensor, let row):
            "The merged “\(tensor)” would not be finite in row \(row) in its type; the base is unchanged"
        case .decomposition(let tensor, let rows, let columns):
            "The singular values of “\(tensor)” (\(rows) × \(columns)) could not be computed"
        case .shapeChangedBefore(let tensor):
            "An adapter was made for “\(tensor)” in the shape that the base has, and another one before it changes that shape"
        }
    }
}

extension VariantInfo {
    /// For a variant that cannot be in memory whole.
    var streamingNote: String {
        "The merged tensors take \(variant.mergedBytes) bytes, more than the cache has room for beside what is pinned: downloads merge them as they go"
    }
}

extension BaseError {
    package var sentence: String {
        switch self {
        case .system(let error): "\(error.subject): \(error.message)"
        case .file(let path, let error): "\(path): \(error.sentence)"
        case .json(let path, let error): "\(path): \(error.sentence)"
        case .jsonField(let path, let field): "\(path): the field “\(field)” is missing or of the wrong type"
        case .notABase(let path, let error): "\(path): \(error.sentence)"
        case .missingTensor(let index, let tensor): "\(index) names “\(tensor)”, which its shard does not hold"
        case .noTensors(let path): "\(path) holds no tensors"
        case .notFinite(let tensor, let index): "“\(tensor)” holds NaN or infinity at element \(index)"
        case .foreignFormat(let path, let format): "\(path): \(format.sentence)"
        }
    }
}

extension RecognitionError {
    var sentence: String {
        switch self {
        case .adapter(let type): "This is an adapter (\(type)), not a base"
        case .unsafeWeights(let files):
            "Only pickle files are here (\(files.quoted)). They can run code when they are read, so they are never opened; convert them to safetensors"
        case .severalFiles(let files):
            "Several weight files are here, and nothing says which belong together: \(files.quoted); name one of them"
        case .indexMissing(let files): "Shards without their index file: \(files.quoted)"
        case .noWeights: "There are no weights here"
        }
    }
}

extension AdapterNote {
    package var sentence: String {
        switch code {
        case .scaleGuessed: "Neither alpha nor settings are there; alpha = rank is assumed"
        case .keyIgnored, .residualNotApplied, .bundledEmbeddings, .rankDiffersFromConfig, .alphaInconsistent,
            .noEffect,
            .leftOut, .shapeChanged, .tensorAdded, .approximateStart:
            detail
        }
    }
}

extension Sequence where Element == String {
    /// “a”, “b” and 3 more
    package var quoted: String {
        let all = Array(self)
        let shown = all.prefix(8).map { "“\($0)”" }.joined(separator: ", ")
        return all.count > 8 ? "\(shown) and \(all.count - 8) more" : shown
    }
}
