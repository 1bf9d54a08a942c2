/// Weight and bias of one module, as one naming sees them: what a target consists of before it has a name.
struct ModuleViews: Hashable, Sendable {
    var weight: RowStack?
    var bias: RowStack?

    /// Both cut to the same rows: a bias has an entry for every row of its weight.
    func rows(_ range: Range<Int>) -> ModuleViews {
        ModuleViews(weight: weight?.rows(range), bias: bias?.rows(range))
    }

    /// Both, because a modulation's bias holds shift and scale in the same order as its weight.
    func halvesSwapped() -> ModuleViews {
        ModuleViews(weight: weight?.halvesSwapped(), bias: bias?.halvesSwapped())
    }

    /// Only a weight has a second axis.
    func transposed() -> ModuleViews {
        ModuleViews(weight: weight?.transposed(), bias: bias)
    }

    /// The modules one above the other. Weight or bias is missing as soon as one part lacks it.
    static func stacked(_ parts: [ModuleViews]) -> ModuleViews {
        ModuleViews(weight: RowStack.stacked(parts.map(\.weight)), bias: RowStack.stacked(parts.map(\.bias)))
    }

    func target(component: String, module: String) -> Target {
        Target(component: component, module: module, weight: weight?.view, bias: bias?.view)
    }
}
