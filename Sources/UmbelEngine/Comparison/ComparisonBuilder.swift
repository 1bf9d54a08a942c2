internal import UmbelTensor

/// Sorts the sums of tensors into components and blocks as they come.
struct ComparisonBuilder {
    /// What a tensor is called, and where it belongs.
    struct Place: Hashable {
        /// With the component, as a client sees it.
        let name: String
        let component: String
        let tensor: String

        var block: String {
            let block = BlockName.of(tensor)
            return component.isEmpty ? block : "\(component)/\(block)"
        }
    }

    private var comparison = ModelComparison()
    private var components = Parts()
    private var blocks = Parts()
    private var changedBlocks: Set<String> = []

    mutating func add(_ place: Place, shape: [Int], _ sums: DifferenceSums, hasBase: Bool, isChanged: Bool) {
        let largest = ModelComparison.Largest(
            change: sums.largest, tensor: place.name, index: Self.index(sums.largestIndex, in: shape))
        let tensor = ModelComparison.Tensor(
            name: place.name, component: place.component, block: place.block, shape: shape, sums: sums,
            hasBase: hasBase, largest: sums.largest > 0 ? largest : nil)
        comparison.overall.add(tensor)
        components.add(tensor, to: tensor.component)
        blocks.add(tensor, to: tensor.block)
        guard isChanged else { return }
        changedBlocks.insert(tensor.block)
        comparison.tensors.append(tensor)
    }

    mutating func add(_ unmatched: ModelComparison.Unmatched) { comparison.unmatched.append(unmatched) }

    func finished() -> ModelComparison {
        var result = comparison
        result.components = components.inOrder
        result.blocks = blocks.inOrder.filter { changedBlocks.contains($0.name) }
        // What has no ratio differs by more than any.
        func key(_ tensor: ModelComparison.Tensor) -> Double { tensor.sums.relativeDistance ?? .infinity }
        let order = result.tensors.indices.sorted {
            let (first, second) = (key(result.tensors[$0]), key(result.tensors[$1]))
            return first == second ? $0 < $1 : first > second
        }
        result.tensors = order.map { comparison.tensors[$0] }
        return result
    }

    /// A row-major place as one index for each axis.
    private static func index(_ place: Int, in shape: [Int]) -> [Int] {
        var rest = place
        return Array(
            shape.reversed().map { size in
                defer { rest /= max(size, 1) }
                return rest % max(size, 1)
            }.reversed())
    }

    /// Parts by name, in the order in which they came.
    private struct Parts {
        private var places: [String: Int] = [:]
        private(set) var inOrder: [ModelComparison.Part] = []

        mutating func add(_ tensor: ModelComparison.Tensor, to name: String) {
            let place = places[name] ?? inOrder.count
            if place == inOrder.count {
                places[name] = place
                inOrder.append(ModelComparison.Part(name))
            }
            inOrder[place].add(tensor)
        }
    }
}
