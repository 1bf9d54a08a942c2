package import UmbelTensor

/// Where a network's weights come from: a base's files, a variant's merged tensors over them, or a test's numbers. A network
/// cannot tell which.
package protocol WeightSource: Sendable {
    /// The names of all tensors, in no order.
    var names: [String] { get }

    /// nil for a name that there is no tensor of.
    func tensor(_ name: String) -> TensorView?

    /// A layer made of some tensors, made once for all that share them.
    ///
    /// - Parameters:
    ///   - tensors: the names of what it is made of.
    ///   - kind: tells layers of the same tensors apart.
    ///   - make: is told how long the layer is to keep its weight packed.
    func layer<Layer: PackedLayer>(
        of tensors: [String], kind: String, _ make: (Packing) throws(ModelError) -> Layer
    ) throws(ModelError) -> Layer
}

/// The weights below a prefix, as the part of a network that has it sees them.
package struct Weights: Sendable {
    package let source: any WeightSource
    /// Ends with a dot unless it is empty.
    package let prefix: String
    /// What the products of its layers are computed in.
    package let computeType: ComputeType

    package init(_ source: any WeightSource, prefix: String = "", computeType: ComputeType = .f32) {
        self.source = source
        self.prefix = prefix
        self.computeType = computeType
    }

    /// The weights of a part.
    package subscript(_ part: String) -> Weights {
        Weights(source, prefix: prefix + part + ".", computeType: computeType)
    }

    /// The same weights for layers whose products are computed in a type of their own.
    package func computed(in type: ComputeType) -> Weights { Weights(source, prefix: prefix, computeType: type) }

    package subscript(_ part: String, _ index: Int) -> Weights { self["\(part).\(index)"] }

    /// The prefix without its dot.
    package var path: String { String(prefix.dropLast()) }

    package func has(_ name: String) -> Bool { source.tensor(prefix + name) != nil }

    /// A floating-point tensor.
    ///
    /// - Throws: if there is none, or if it has another shape than is expected.
    package func tensor(_ name: String, shape: [Int]? = nil) throws(ModelError) -> TensorView {
        let name = prefix + name
        guard let tensor = source.tensor(name) else { throw .missingTensor(name) }
        guard tensor.dtype.isFloat else { throw .dtype(tensor: name, "\(tensor.dtype)") }
        guard let shape, tensor.shape != shape else { return tensor }
        throw .shape(tensor: name, found: tensor.shape, expected: shape)
    }

    /// nil if there is no such tensor.
    package func optionalTensor(_ name: String, shape: [Int]? = nil) throws(ModelError) -> TensorView? {
        has(name) ? try tensor(name, shape: shape) : nil
    }
}
