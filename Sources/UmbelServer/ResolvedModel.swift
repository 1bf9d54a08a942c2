internal import HTTPTypes
internal import UmbelEngine
internal import UmbelTensor

/// What the model reference of a request came to. Every endpoint that takes a model gets its variant here, so that routes,
/// headers and counts are the same at every door.
struct ResolvedModel: Sendable {
    let variant: Variant

    /// The headers of every answer that comes of a variant.
    ///
    /// `Server-Timing` is what has been spent on the variant's tensors so far: a download goes on merging what is missing
    /// after its head is sent.
    func headers(_ call: Call) -> HTTPFields {
        let milliseconds = call.engine.cache.info(variant.id)?.mergeMilliseconds ?? 0
        return [.variant: variant.id, .serverTiming: "merge;dur=\((milliseconds * 1000).rounded() / 1000)"]
    }
}

extension Call {
    /// The model that a text means now: a reference, or the id of a variant.
    func model(_ text: String, dtype: DType? = nil) throws -> ResolvedModel {
        ResolvedModel(variant: try engine.variant(text, dtype: dtype))
    }

    func model(_ reference: ModelReference, dtype: DType? = nil) throws -> ResolvedModel {
        ResolvedModel(variant: try engine.variant(reference, dtype: dtype))
    }
}
