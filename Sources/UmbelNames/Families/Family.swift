/// A kind of model with two namings, and the rules between them. Adding one is a file beside this one and a line in
/// `Family.all`.
struct Family: Sendable {
    /// The label people see ("flux").
    let name: String
    let role: Role
    /// How a component in the original naming is recognised: tensors relative to the component. Any one suffices.
    let original: [Signature]
    /// The same for the canonical naming.
    let canonical: [Signature]
    /// Rules between the namings. Given the names, because some rules count blocks; `isOriginal` says in which naming.
    var links: @Sendable (_ names: TensorNames, _ isOriginal: Bool) -> [Link] = { _, _ in [] }
    /// Names that libraries have given the same canonical module at different times.
    var spellings: [Spelling] = []
    /// Names that only adapters use, for one canonical module or for several stacked. Never hides a real module.
    var aliases: @Sendable (_ names: TensorNames, _ isOriginal: Bool) -> [Alias] = { _, _ in [] }
    /// The label of this very base, where it is finer than `name`; nil if the base has none.
    var label: (@Sendable (_ whole: TensorNames, _ names: TensorNames) -> String?)?
    /// Which edition of the model ("schnell", "inpainting").
    var edition: @Sendable (_ names: TensorNames) -> String? = { _ in nil }

    enum Role: Sendable {
        case denoiser
        case textEncoder
        case vae
    }

    /// Tensors whose presence tells a naming, and tensors whose presence denies it.
    struct Signature: Sendable {
        var present: [String]
        var absent: [String] = []

        func fits(_ names: TensorNames) -> Bool {
            present.allSatisfy { names.contains($0) } && !absent.contains { names.contains($0) }
        }
    }

    /// Two names for one module; whichever the base has, the other is added.
    struct Spelling: Sendable {
        let first: PathPattern
        let second: PathPattern

        init(_ first: String, _ second: String) {
            self.first = PathPattern(first)
            self.second = PathPattern(second)
        }
    }

    struct Alias: Sendable {
        let name: PathPattern
        let canonical: [PathPattern]

        init(_ name: String, _ canonical: [String]) {
            self.name = PathPattern(name)
            self.canonical = canonical.map { PathPattern($0) }
        }
    }

    /// In which naming the component is, or nil if it is not of this family.
    func isOriginal(_ names: TensorNames) -> Bool? {
        if original.contains(where: { $0.fits(names) }) { return true }
        return canonical.contains { $0.fits(names) } ? false : nil
    }

    /// The first family whose signature fits.
    static func of(_ names: TensorNames) -> (family: Family, isOriginal: Bool)? {
        for family in all where family.original.contains(where: { $0.fits(names) }) { return (family, true) }
        for family in all where family.canonical.contains(where: { $0.fits(names) }) { return (family, false) }
        return nil
    }
}
