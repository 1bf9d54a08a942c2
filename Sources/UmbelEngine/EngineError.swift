package import UmbelAdapters
package import UmbelFormats
package import UmbelModels
package import UmbelPOSIX
package import UmbelRegistry

/// Why the engine refused something. Cases carry facts; words and status codes are made where the client is answered.
package enum EngineError: Error, Sendable {
    case base(name: String, BaseError)
    /// The base is being read for the first time, and enough requests wait for that already.
    case baseBeingRead(String)
    case system(SystemError)
    case registry(RegistryError)
    /// What a name points to is known, but its bytes cannot be read or are not what was stored.
    indirect case unreadableContent(name: String, digest: String, EngineError)
    case adapterFile(SafetensorsError)
    case adapter(AdapterError)
    /// The adapter does not fit; one report for each base that was tried.
    case binding(BindingRefusal, reports: [(base: String, report: BindingReport)])
    case merge(MergeError)
    /// Adapters that cannot be combined as the recipe says.
    case combination(CombinationError)
    /// A textual inversion whose tensors are none.
    case embedding(ModelError)
    /// One whose vectors are not as long as those of the text encoders; widths in the order of the encoders.
    case embeddingMisfit(tensor: String, widths: [Int], bases: [(base: String, widths: [Int])])
    /// A textual inversion with a scale in a model reference.
    case embeddingScale(String)
    case invalidName(String)
    case invalidTag(String)
    /// A path of the watched folder is a link, or something else that is no regular file.
    case notAFile(String)
    /// Two paths of the watched folder come to one name.
    case nameClash(name: String, path: String, other: String)
    case tooManyLabels(limit: Int)
    case reference(ReferenceError)
    case unknownBase(String)
    case unknownAdapter(String)
    case unknownVariant(String)
    /// The recipe of a variant is known, but a base or a content that it names is not there any more.
    case variantGone(id: String, reference: String)
    /// Adapters that stand for a model by themselves must fit exactly one base together.
    case notOneBase(adapters: [String], bases: [String])
    case unknownFile(model: String, path: String)
    case ambiguousDigest(adapter: String, prefix: String)
    case preconditionFailed(adapter: String, digest: String?)
    /// A variant of that size can never be pinned: at most half of the cache can be one pin.
    case overBudget(bytes: Int, budget: Int)
    /// Pinning so much more would leave less than `slot` bytes for what is not pinned.
    case pinsFull(bytes: Int, pinned: Int, slot: Int, budget: Int)
    /// Factors of so many blocks fit no U-Net.
    case blockWeights(count: Int, adapter: String)
    /// A base of which no pictures are made, and why.
    case cannotDraw(base: String, ModelError)
    case drawing(ModelError)
    case noBaseFits
    /// Two models that should be compared.
    case differentBases(String, String)
    /// A prefix stands for a component that no base has.
    case unknownPlace(String)
    case internalInconsistency(String)
    case traffic(TrafficError)
}

extension EngineError {
    /// The system call at the bottom, if it was one.
    package var system: SystemError? {
        switch self {
        case .system(let error): error
        case .registry(let error): error.system
        case .unreadableContent(_, _, let cause): cause.system
        default: nil
        }
    }
}
