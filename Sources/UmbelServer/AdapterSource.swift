internal import UmbelEngine
internal import UmbelPOSIX

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
    let tensors: MappedFile
    let config: MappedFile?
    /// What was settled when the content was stored; nothing for a file of the folder.
    let options: AdapterOptions

    private static let digestDigits = 8

    /// - Throws: `unknownAdapter` for what names nothing.
    init(_ text: String, _ call: Call) throws {
        if let term = try Self.term(text, call.engine) {
            let (record, tensors, config) = try call.engine.contents(term)
            (self.tensors, self.config, options) = (tensors, config, record.options)
        } else if let folder = call.application.adapterFolder, let files = try folder.files(text) {
            (tensors, config, options) = (files.tensors, files.config, AdapterOptions())
        } else {
            throw EngineError.unknownAdapter(text)
        }
    }

    /// The term of a model reference that names the same stored content; nil if none is named.
    private static func term(_ text: String, _ engine: Engine) throws -> ModelReference.Term? {
        let name = String(text.prefix { $0 != "@" })
        if Name.isValid(name), engine.adapters.record(name) != nil {
            do {
                return try ModelReference("base+" + text).terms.first
            } catch {
                throw EngineError.reference(error)
            }
        }
        let isMarked = text.hasPrefix("sha256:")
        let digits = isMarked ? String(text.dropFirst("sha256:".count)) : text
        guard ModelReference.Term.isDigestPrefix(digits), isMarked || digits.utf8.count >= digestDigits else {
            return nil
        }
        let found = engine.adapters.all().filter { $0.digest.hasPrefix(digits) }
        guard let first = found.first else { return nil }
        guard Set(found.map(\.digest)).count == 1 else {
            throw EngineError.ambiguousDigest(adapter: text, prefix: digits)
        }
        return .init(adapter: first.name, digestPrefix: first.digest)
    }
}

/// Why other inference servers' calls were refused.
enum LoadingError: Error, Sendable {
    case alreadyLoaded(String)
    case nameOfBase(String)
    case scale(id: Int)
    case unknownID(String)
}
