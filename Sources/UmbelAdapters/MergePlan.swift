internal import UmbelNames
package import UmbelTensor

/// A recipe worked out for a base: which tensors it touches, with what, and what the result looks like. Computes nothing
/// yet; `TensorMerger` does, tensor by tensor, whenever one is asked for.
package struct MergePlan: Sendable {
    /// One adapter of the recipe, or a part of it, bound to the base.
    package struct Step: Sendable {
        package let binding: Binding
        package let strength: Double
        /// Which of the binding's patches are applied; nil for all of them.
        private let part: Set<Int>?

        /// - Parameter part: indices of patches; nil for all of them.
        package init(binding: Binding, strength: Double, part: Set<Int>? = nil) {
            self.binding = binding
            self.strength = strength
            self.part = part
        }

        /// The patches that are applied, with their places in the binding.
        var patches: [(index: Int, patch: Patch)] {
            binding.patches.enumerated().filter { part?.contains($0.offset) ?? true }.map { ($0.offset, $0.element) }
        }
    }

    /// A tensor that only the merged model has.
    package struct Addition: Sendable {
        package let component: String
        package let name: String
        package let view: TensorView
    }

    package let base: BaseWeights
    package let steps: [Step]
    package let additions: [Addition]
    /// Shapes of the tensors of which an adapter changes the shape.
    package let changedShapes: [Int: [Int]]
    /// Tensors that have to be computed together, because an adapter's weight spans them; by each of them.
    private let clusters: [Int: [Int]]
    /// The patches that read or change a tensor, in the order in which they are applied.
    private let places: [Int: [PatchPlace]]

    /// Where a patch is found.
    struct PatchPlace: Hashable, Sendable {
        let step: Int
        let patch: Int
    }

    /// - Parameter steps: in recipe order; a strength of 0 means that the adapter is not applied at all.
    package init(base: BaseWeights, steps: [Step]) {
        self.base = base
        self.steps = steps.filter { $0.strength != 0 }
        var additions: [Addition] = []
        var changedShapes: [Int: [Int]] = [:]
        var joined = DisjointSets()
        var places: [Int: [PatchPlace]] = [:]
        for (stepIndex, step) in self.steps.enumerated() {
            for (patchIndex, patch) in step.patches {
                if case .add(let component, let name, let view) = patch.change {
                    additions.removeAll { $0.component == component && $0.name == name }
                    additions.append(Addition(component: component, name: name, view: view))
                }
                guard let view = patch.view else { continue }
                let tensors = patch.tensors.sorted()
                joined.join(tensors)
                for tensor in tensors { places[tensor, default: []].append(.init(step: stepIndex, patch: patchIndex)) }
                if let shape = patch.newShape, let tensor = view.wholeTensor { changedShapes[tensor] = shape }
            }
        }
        self.additions = additions
        self.changedShapes = changedShapes.filter { $0.value != base.views[$0.key].shape }
        clusters = joined.groups
        self.places = places
    }

    /// The patches that read or change a tensor, in the order in which they are applied.
    func patches(of tensor: Int) -> [PatchPlace] { places[tensor] ?? [] }

    /// The patches that read or change one of some tensors, each once, in the order in which they are applied.
    func patches(of tensors: [Int]) -> [PatchPlace] {
        if tensors.count == 1 { return patches(of: tensors[0]) }
        return Set(tensors.flatMap(patches)).sorted { ($0.step, $0.patch) < ($1.step, $1.patch) }
    }

    /// Tensors whose values the recipe computes.
    package var touched: Set<Int> { Set(clusters.keys) }

    /// `tensor` and those computed with it, in ascending order; empty if it is untouched.
    package func cluster(of tensor: Int) -> [Int] { clusters[tensor] ?? [] }

    /// - Throws: for an adapter that was fitted to a tensor of which one before it changes the shape.
    package func checkShapes() throws(MergeError) {
        guard !changedShapes.isEmpty else { return }
        var current: [Int: [Int]] = [:]
        for step in steps {
            for (_, patch) in step.patches {
                guard let view = patch.view else { continue }
                if let shape = patch.newShape, let tensor = view.wholeTensor {
                    current[tensor] = shape
                    continue
                }
                for tensor in patch.tensors.sorted() {
                    guard let shape = current[tensor], shape != base.views[tensor].shape else { continue }
                    guard view.covers(shape) else { throw .shapeChangedBefore(tensor: base.label(tensor)) }
                }
            }
        }
    }

    /// What is done to the tensors of some components, a line for each step that changes them: recipes for one base whose lines
    /// are the same make the same of these tensors. nil if there are no words for a step (`Binding.source`).
    package func changes(in isMeant: (_ component: String) -> Bool) -> [String]? {
        var lines: [String] = []
        for step in steps {
            let patches = step.patches.filter { _, patch in
                if case .add(let component, _, _) = patch.change { return isMeant(component) }
                return patch.tensors.contains { isMeant(base.catalog.tensors[$0].component) }
            }
            guard !patches.isEmpty else { continue }
            guard let source = step.binding.source else { return nil }
            lines.append("\(source) \(step.strength) \(patches.map { String($0.index) }.joined(separator: ","))")
        }
        return lines
    }

    package func shape(of tensor: Int) -> [Int] { changedShapes[tensor] ?? base.views[tensor].shape }
}

extension Patch {
    /// The shape that the patch gives a whole tensor; nil if it keeps it.
    var newShape: [Int]? {
        switch change {
        case .replace(let view): view.shape
        case .pad(let shape): shape
        default: nil
        }
    }
}

extension TargetView {
    /// Is the view all of one tensor of this shape?
    fileprivate func covers(_ shape: [Int]) -> Bool {
        guard pieces.count == 1, let piece = pieces.first, piece.slab == nil, piece.rows == nil, piece.leadingAxes == 1
        else { return false }
        let (storedRows, storedColumns) = (shape.first ?? 1, shape.flattenedColumns)
        return piece.transposed
            ? rows == storedColumns && columns == storedRows : rows == storedRows && columns == storedColumns
    }
}

/// Sets of tensors that grow together.
struct DisjointSets {
    private var parents: [Int: Int] = [:]

    mutating func join(_ elements: [Int]) {
        guard let first = elements.first else { return }
        let root = root(of: first)
        for element in elements { parents[self.root(of: element)] = root }
    }

    private mutating func root(of element: Int) -> Int {
        var current = element
        while let parent = parents[current], parent != current { current = parent }
        parents[element] = current
        return current
    }

    var groups: [Int: [Int]] {
        var copy = self
        let byRoot = Dictionary(grouping: parents.keys.sorted()) { copy.root(of: $0) }
        var groups: [Int: [Int]] = [:]
        for members in byRoot.values {
            for member in members { groups[member] = members }
        }
        return groups
    }
}
