internal import UmbelAdapters
package import UmbelRegistry

/// Model names that name no base: an adapter on the one base that it fits, and `default`.
extension Engine {
    /// The name of the chain that llama.cpp's clients set for everybody.
    package static let defaultChain = "default"

    /// A reference that begins with a base.
    ///
    /// - Throws: `notOneBase` for an adapter that fits no base or several.
    package func completed(_ reference: ModelReference) throws(EngineError) -> ModelReference {
        guard base(reference.base) == nil, reference.terms.isEmpty else { return reference }
        let name = reference.base
        if adapters.record(name) != nil {
            let term = ModelReference.Term(adapter: name)
            return ModelReference(base: try onlyBase(for: [term]).name, terms: [term])
        }
        return name == Self.defaultChain ? try defaultReference() ?? reference : reference
    }

    /// Bases that an adapter may be merged into.
    package func fittingBases(_ adapter: LoadedAdapter, _ options: AdapterOptions) -> [BaseModel] {
        bases.filter { base in
            let report = adapter.binding(to: base, prefixes: options.prefixes).report
            return report.refusal(allowsUnmatched: options.allowsUnmatched) == nil
        }
    }

    /// Those of them that the name of the adapter alone may mean: where it was uploaded for one base, only that.
    package func homeBases(_ adapter: LoadedAdapter, _ options: AdapterOptions) -> [BaseModel] {
        fittingBases(adapter, options).filter { options.base == nil || options.base == $0.name }
    }

    /// The one base that all terms fit.
    private func onlyBase(for terms: [ModelReference.Term]) throws(EngineError) -> BaseModel {
        var fitting = bases
        for term in terms {
            let (record, content) = try self.adapter(term)
            let names = homeBases(content, record.options).map(\.name)
            fitting = fitting.filter { names.contains($0.name) }
        }
        guard fitting.count == 1 else {
            throw .notOneBase(adapters: terms.map(\.adapter), bases: fitting.map(\.name))
        }
        return fitting[0]
    }

    // MARK: The default chain

    /// What the model name `default` means now: the chain that was set, or without one the only base.
    ///
    /// - Returns: nil if there are several bases and none was chosen.
    package func defaultReference() throws(EngineError) -> ModelReference? {
        let stored: String?
        do {
            stored = try recipes?.chain(Self.defaultChain)
        } catch {
            throw .registry(error)
        }
        if let stored, !stored.isEmpty {
            do {
                return try ModelReference(stored, lengthLimit: .max)
            } catch {
                throw .reference(error)
            }
        }
        return bases.count == 1 ? ModelReference(base: bases[0].name, terms: []) : nil
    }

    /// Makes `default` mean these adapters, in order, on the one base that all of them fit. A base's own name always means
    /// the base.
    ///
    /// - Returns: what it means now; nil if no adapter is left and there are several bases.
    package func setDefault(_ terms: [ModelReference.Term]) throws(EngineError) -> ModelReference? {
        let reference =
            terms.isEmpty ? nil : ModelReference(base: try onlyBase(for: terms).name, terms: terms)
        // That the chain can be merged is known before anybody asks for it.
        if let reference { _ = try variant(reference) }
        do {
            try recipes?.setChain(Self.defaultChain, to: reference?.text ?? "")
        } catch {
            throw .registry(error)
        }
        return try defaultReference()
    }
}
