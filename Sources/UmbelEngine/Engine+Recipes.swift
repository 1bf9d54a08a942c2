internal import UmbelRegistry
internal import UmbelTensor

/// Variant ids that outlive the cache, the process and the names they came from.
extension Engine {
    /// Writes the recipe of a variant down before its id is given to somebody who may come back with nothing but the id.
    ///
    /// The first time an id is published costs a transaction; then it costs a look into a set.
    package func publish(_ variant: Variant) throws(EngineError) {
        guard let recipes else { return }
        let recipe = RecordedRecipe(
            id: variant.id, reference: variant.reference.text, dtype: variant.model.dtype?.rawValue,
            created: Date.now.seconds)
        do {
            try recipes.remember(recipe)
        } catch {
            throw .registry(error)
        }
    }

    /// The variant of an id that was published once, put together again by the digests that its recipe names.
    ///
    /// - Returns: nil for what is no id.
    /// - Throws: `unknownVariant` for an id that was not published, `variantGone` if not all of what it was made of is there.
    func published(_ id: String) throws(EngineError) -> Variant? {
        guard VariantIdentity.isID(id), base(id) == nil, let recipes else { return nil }
        let found: RecordedRecipe?
        do {
            found = try recipes.recipe(id)
        } catch {
            throw .registry(error)
        }
        guard let found else { throw .unknownVariant(id) }
        let gone = EngineError.variantGone(id: id, reference: found.reference)
        let reference: ModelReference
        do {
            reference = try ModelReference(found.reference, lengthLimit: .max)
        } catch {
            throw gone
        }
        let variant: Variant
        do {
            variant = try self.variant(renamed(reference), dtype: found.dtype.flatMap(DType.init(rawValue:)))
        } catch {
            switch error {
            case .unknownBase, .unknownAdapter, .ambiguousDigest: throw gone
            default: throw error
            }
        }
        // The same names, but another base file or another setting by now: not the bytes that the id promises.
        guard variant.id == id else { throw gone }
        return variant
    }

    /// With names that are forgotten replaced by others that have, or had, the same content.
    private func renamed(_ reference: ModelReference) -> ModelReference {
        let entries = reference.entries.map { entry -> ModelReference.Entry in
            switch entry {
            case .adapter(let term): .adapter(renamed(term))
            case .combination(let combined): .combination(combined.replacing(combined.terms.map(renamed)))
            }
        }
        return ModelReference(base: reference.base, entries: entries)
    }

    private func renamed(_ term: ModelReference.Term) -> ModelReference.Term {
        guard adapters.record(term.adapter) == nil, let digest = term.digestPrefix,
            let other = adapters.all().first(where: { !$0.revisions(withDigest: digest).isEmpty })
        else { return term }
        return term.pinned(to: other.name, digest: digest)
    }
}
