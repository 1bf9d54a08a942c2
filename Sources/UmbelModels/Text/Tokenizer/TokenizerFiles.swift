package import UmbelPOSIX

/// The files that a tokenizer's folder may hold, as bytes; nil for what is not there.
package struct TokenizerFiles: Sendable {
    /// `vocab.json`: token → id.
    package var vocabulary: [UInt8]?
    /// `merges.txt`: a pair a line.
    package var merges: [UInt8]?
    /// `tokenizer.json`: both of them, and the added tokens.
    package var tokenizer: [UInt8]?
    /// `tokenizer_config.json`
    package var configuration: [UInt8]?
    /// `special_tokens_map.json`
    package var specialTokens: [UInt8]?
    /// `added_tokens.json`: token → id.
    package var addedTokens: [UInt8]?

    package init() {}

    /// - Parameter read: the bytes of a file by its name; nil if there is none.
    package init<Failure: Error>(_ read: (String) throws(Failure) -> [UInt8]?) throws(Failure) {
        vocabulary = try read("vocab.json")
        merges = try read("merges.txt")
        tokenizer = try read("tokenizer.json")
        configuration = try read("tokenizer_config.json")
        specialTokens = try read("special_tokens_map.json")
        addedTokens = try read("added_tokens.json")
    }

    /// - Throws: for a file that is there and cannot be read.
    package init(folder: String) throws(SystemError) {
        try self.init { name throws(SystemError) in
            do throws(SystemError) {
                let file = try MappedFile(path: folder + "/" + name)
                return withExtendedLifetime(file) { Array(file.bytes) }
            } catch {
                if error.isMissingFile { return nil }
                throw error
            }
        }
    }
}
