/// The names of one component, relative to it, and what can be read off them.
struct TensorNames: Sendable {
    /// Name → index into the base's list of tensors.
    private(set) var index: [String: Int] = [:]
    private let tensors: [BaseTensor]

    init(_ names: [(name: String, tensor: Int)], in tensors: [BaseTensor]) {
        self.tensors = tensors
        index.reserveCapacity(names.count)
        for (name, tensor) in names { index[name] = tensor }
    }

    init(_ tensors: [BaseTensor]) {
        self.init(tensors.enumerated().map { ($0.element.name, $0.offset) }, in: tensors)
    }

    func contains(_ name: String) -> Bool { index[name] != nil }

    /// Whether any name begins so.
    func contains(prefix: String) -> Bool { index.keys.contains { $0.hasPrefix(prefix) } }

    func shape(_ name: String) -> [Int]? { index[name].map { tensors[$0].shape } }

    /// One more than the largest number that follows `prefix`: the length of a list of modules.
    func count(after prefix: String) -> Int {
        var count = 0
        for name in index.keys where name.hasPrefix(prefix) {
            let digits = name.utf8.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: ".") }
            if let number = Int(String(Substring(digits))), number < 1_000_000 { count = max(count, number + 1) }
        }
        return count
    }
}
