internal import UmbelEngine
internal import UmbelPOSIX
internal import UmbelRegistry

/// What a `lora_path` names. Nothing in it becomes a path of this machine:
///
/// | text | means |
/// |---|---|
/// | `ink`, `ink@…` | a stored adapter, or the content of it that may stand behind `@` in a model reference |
/// | `sha256:3f2a…`, `3f2a9c1b` | a stored content by its digest; without `sha256:` at least 8 digits |
/// | `styles/ink.safetensors`, `styles/ink` | an entry below the folder that the operator set, if there is one |
///
/// The first that is there counts.
struct AdapterSource {
    /// Its files, ready to be stored under a name.
    let upload: Upload
    /// What was settled when the content was stored; nothing for a file of the folder.
    let options: AdapterOptions

    private static let digestDigits = 8

    /// - Throws: `unknownAdapter` for what names nothing.
    init(_ text: String, _ call: Call) throws {
        let engine = call.engine
        if let term = try Self.term(text, engine) {
            let record = try engine.adapter(term).record
            guard let content = engine.adapters.content(record.digest) else { throw EngineError.unknownAdapter(text) }
            upload = try Self.registry { () throws(RegistryError) in
                try engine.adapters.beginUpload(tensors: content.tensors, config: content.config)
            }
            options = record.options
        } else if let folder = call.application.adapterFolder, let files = try folder.files(text) {
            upload = try engine.upload(tensors: files.tensors, config: files.config)
            options = AdapterOptions()
        } else {
            throw EngineError.unknownAdapter(text)
        }
    }

    private static func registry<Result>(_ body: () throws(RegistryError) -> Result) throws(EngineError) -> Result {
        do {
            return try body()
        } catch {
            throw .registry(error)
        }
    }

    /// The term of a model reference that names the same stored content; nil if none is named.
    private static func term(_ text: String, _ engine: Engine) throws -> ModelReference.Term? {
        let name = String(text.prefix { $0 != "@" })
        if Name.isValid(name), engine.adapters.record(name) != nil {
            do {
                let terms = try ModelReference("base+" + text).terms
                // A content is stored, not a recipe: nothing of the text may be lost.
                guard terms.count == 1, terms.first?.scale == .one else {
                    throw RequestError.invalidField(
                        name: "lora_path", expected: "one adapter, without a scale")
                }
                return terms.first
            } catch let error as ReferenceError {
                throw EngineError.reference(error)
            }
        }
        let isMarked = text.hasPrefix("sha256:")
        let digits = isMarked ? String(text.dropFirst("sha256:".count)) : text
        guard ModelReference.Term.isDigestPrefix(digits), isMarked || digits.utf8.count >= digestDigits else {
            return nil
        }
        let found = engine.adapters.all().flatMap { record in
            record.revisions(withDigest: digits).map {
                ModelReference.Term(adapter: record.name, digestPrefix: $0.digest)
            }
        }
        guard Set(found.map(\.digestPrefix)).count <= 1 else {
            throw EngineError.ambiguousDigest(adapter: text, prefix: digits)
        }
        return found.first
    }
}

/// Why other inference servers' calls were refused.
enum LoadingError: Error, Sendable {
    case alreadyLoaded(String)
    case nameOfBase(String)
    case scale(id: Int)
    case unknownID(String)
}
