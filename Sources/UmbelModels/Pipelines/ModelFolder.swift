/// The files of a model beside its weights.
package protocol ModelFolder: Sendable {
    /// nil if there is no file of that path.
    ///
    /// - Throws: for a file that is there and cannot be read.
    func file(_ path: String) throws(ModelError) -> [UInt8]?
}
