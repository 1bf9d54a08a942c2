internal import UmbelAdapters
internal import UmbelNames
internal import UmbelTensor

/// Compares two variants of one base tensor by tensor, in the base's order.
///
/// Each tensor is read from the base's pages or had merged, compared in tiles on the compute pool, and let go; so no more
/// than one tensor of each model is in memory, with those that had to be merged with it. Sums are in a fixed order, so
/// numbers do not depend on threads.
struct Comparer {
    private let a: Side
    private let b: Side
    private let isSame: Bool
    private let weights: BaseWeights
    private let pool: ComputePool

    /// - Precondition: both are of one base.
    init(_ a: Variant, _ b: Variant, cache: VariantCache, pool: ComputePool) {
        self.a = Side(a, cache: cache, pool: pool)
        self.b = Side(b, cache: cache, pool: pool)
        isSame = a.id == b.id
        weights = a.model.base.weights
        self.pool = pool
    }

    func compare() throws -> ModelComparison {
        var builder = ComparisonBuilder()
        for index in weights.views.indices where weights.views[index].dtype.isFloat {
            try compare(index, &builder)
        }
        compareAdditions(&builder)
        return builder.finished()
    }

    private func compare(_ index: Int, _ builder: inout ComparisonBuilder) throws {
        let tensor = weights.catalog.tensors[index]
        let place = ComparisonBuilder.Place(
            name: weights.label(index), component: tensor.component, tensor: tensor.name)
        let base = weights.views[index]
        let first = try a.tensor(index)
        let second = isSame ? first : try b.tensor(index)
        guard first.view.shape == second.view.shape else {
            builder.add(.init(name: place.name, shapeA: first.view.shape, shapeB: second.view.shape))
            return
        }
        let hasBase = first.view.shape == base.shape
        let sums = DifferenceSums(first, second, base: hasBase ? base : nil, pool: pool)
        let isChanged = a.changes(index) || b.changes(index)
        builder.add(place, shape: first.view.shape, sums, hasBase: hasBase, isChanged: isChanged)
    }

    /// Tensors that adapters bring along and the base does not have.
    private func compareAdditions(_ builder: inout ComparisonBuilder) {
        let (ours, theirs) = (a.additions, b.additions)
        for addition in ours {
            let place = addition.place
            guard let other = theirs.first(where: { $0.place == place }) else {
                builder.add(.init(name: place.name, shapeA: addition.view.view.shape, shapeB: nil))
                continue
            }
            guard addition.view.view.shape == other.view.view.shape else {
                builder.add(
                    .init(name: place.name, shapeA: addition.view.view.shape, shapeB: other.view.view.shape))
                continue
            }
            let sums = DifferenceSums(addition.view, other.view, base: nil, pool: pool)
            builder.add(place, shape: addition.view.view.shape, sums, hasBase: false, isChanged: true)
        }
        for addition in theirs where !ours.contains(where: { $0.place == addition.place }) {
            builder.add(.init(name: addition.place.name, shapeA: nil, shapeB: addition.view.view.shape))
        }
    }
}

/// One of the two models.
private struct Side {
    private let variant: Variant
    private let cache: VariantCache
    private let streamed: StreamedTensors
    private let touched: Set<Int>

    init(_ variant: Variant, cache: VariantCache, pool: ComputePool) {
        self.variant = variant
        self.cache = cache
        streamed = StreamedTensors(pool: pool, keptBytes: 128 << 20)
        touched = variant.model.plan.touched
    }

    /// Whether the values can differ from the base's.
    func changes(_ index: Int) -> Bool { touched.contains(index) || !converted(index).isExact }

    func tensor(_ index: Int) throws -> RoundedView {
        guard touched.contains(index) else { return converted(index) }
        // Only what is all there anyway is taken from the cache: a comparison pushes nothing out.
        let isReady = cache.info(variant.id)?.state == .ready
        let merged =
            isReady ? try cache.mergedTensor(index, of: variant) : try streamed.tensor(index, of: variant.model)
        return RoundedView(merged.view)
    }

    private func converted(_ index: Int) -> RoundedView {
        let view = variant.model.base.weights.views[index]
        return RoundedView(view, as: variant.model.outputType(view.dtype))
    }

    /// Of floating-point types.
    var additions: [(place: ComparisonBuilder.Place, view: RoundedView)] {
        variant.model.plan.additions.filter { $0.view.dtype.isFloat }.map { addition in
            let name = addition.component.isEmpty ? addition.name : "\(addition.component)/\(addition.name)"
            return (
                .init(name: name, component: addition.component, tensor: addition.name),
                RoundedView(addition.view, as: variant.model.outputType(addition.view.dtype))
            )
        }
    }
}
