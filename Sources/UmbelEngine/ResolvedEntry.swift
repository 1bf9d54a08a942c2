package import UmbelAdapters
internal import UmbelRegistry

/// An adapter that a term of a recipe means, bound to the base.
struct ResolvedTerm {
    let term: ModelReference.Term
    let record: AdapterRecord
    let adapter: Adapter
    let binding: Binding

    /// The term with the whole digest that it means now.
    var pinned: ModelReference.Term { term.pinned(to: record.name, digest: record.digest) }

    var identity: VariantIdentity.Term {
        .init(
            digest: record.digest, scale: term.scale, parts: term.parts.simplified(for: term.scale),
            prefixes: record.options.prefixes)
    }

    var part: CombinationPart { CombinationPart(adapter, binding, weight: term.scale) }
}

/// An entry of a recipe with the adapters that it means.
enum ResolvedEntry {
    case adapter(ResolvedTerm)
    case combination(ModelReference.CombinationTerm, [ResolvedTerm])

    /// The entry with every adapter pinned to the digest it has.
    var pinned: ModelReference.Entry {
        switch self {
        case .adapter(let resolved): .adapter(resolved.pinned)
        case .combination(let combined, let parts): .combination(combined.replacing(parts.map(\.pinned)))
        }
    }

    var identity: VariantIdentity.Entry {
        switch self {
        case .adapter(let resolved): .adapter(resolved.identity)
        case .combination(let combined, let parts):
            .combination(combined.combination, parts.map(\.identity), scale: combined.scale)
        }
    }

    /// What the recipe's plan applies.
    func steps(on base: BaseModel) throws(EngineError) -> [MergePlan.Step] {
        switch self {
        case .adapter(let resolved):
            return try PartStrengths(resolved.term, base).steps(resolved.binding)
        case .combination(let combined, let parts):
            do {
                let binding = try combined.combination.binding(of: parts.map(\.part), on: base.weights)
                return [MergePlan.Step(binding: binding, strength: combined.scale.value)]
            } catch {
                throw .combination(error)
            }
        }
    }
}

extension CombinationPart {
    /// - Parameter weight: of the adapter within the combination.
    package init(_ adapter: Adapter, _ binding: Binding, weight: Scale) {
        self.init(
            binding: binding, weight: weight.value,
            usesRankStabilisedScale: adapter.context.peft?.usesRankStabilisedScale ?? false)
    }
}
