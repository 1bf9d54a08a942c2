/// The files of a model beside its weights.
package protocol ModelFolder: Sendable {
    /// The model is one file of weights, with no others beside it.
    var isSingleFile: Bool { get }

    /// nil if there is no file of that path.
    func file(_ path: String) -> [UInt8]?
}
