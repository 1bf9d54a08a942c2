package import UmbelAdapters

/// Where a merged model gets its merged tensors: computed on the spot, or from a cache. Asked from several threads.
package protocol MergedTensorSource: Sendable {
    func tensor(_ index: Int, of model: MergedModel) throws -> MergedTensor

    /// Would `tensor` answer at once?
    func isReady(_ index: Int, of model: MergedModel) -> Bool

    /// What may be merged before it is due.
    var readAhead: ReadAhead { get }
}
