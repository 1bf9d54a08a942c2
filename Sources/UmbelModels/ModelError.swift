/// Why a model cannot be made of a folder's files, or cannot do what it is asked for.
package enum ModelError: Error, Hashable, Sendable {
    case missingTensor(String)
    case shape(tensor: String, found: [Int], expected: [Int])
    /// Weights are floating-point numbers.
    case dtype(tensor: String, String)
    case missingFile(String)
    /// A checkpoint in one file has no such part; the name is that of a pipeline's folder.
    case missingPart(String)
    /// The rows of the tensor, an embedding of tokens, are not those of the tokenizer that is built in, and there is no other
    /// at the place where it would be beside the file.
    case missingTokenizer(tensor: String, rows: Int, place: String)
    /// A file is not what it should be.
    case malformed(file: String, reason: String)
    /// A setting of a configuration that changes what is computed, and that is not known here.
    case unsupported(setting: String, value: String)
    case schedule(ScheduleError)
    /// What was asked for cannot be drawn by this model.
    case request(field: String, value: String, expected: String)
    /// A network is built so that it needs something, by diffusers' name, and was not given it, or not in the size it takes.
    case missingInput(String)
    /// A token that the text encoder has no embedding of.
    case tokenOutOfRange(Int, vocabulary: Int)
    /// More tokens than the text encoder has positions for.
    case tooManyTokens(Int, limit: Int)
    /// Whoever asked for it wants it no more.
    case cancelled
}
