/// What an adapter's stem means in a base: the weight and the bias that its factors were made for, each put together
/// from pieces of the base's own tensors.
package struct Target: Hashable, Sendable {
    /// Component of the base ("unet", "text_encoder", "" for a language model).
    package let component: String
    /// Module path in the naming in which the stem was found.
    package let module: String
    package let weight: TargetView?
    package let bias: TargetView?

    package init(component: String, module: String, weight: TargetView?, bias: TargetView?) {
        self.component = component
        self.module = module
        self.weight = weight
        self.bias = bias
    }
}

/// A weight in the shape the adapter was made for: pieces of base tensors, stacked along the first axis.
package struct TargetView: Hashable, Sendable {
    /// At least one; in row order.
    package let pieces: [Piece]
    /// `[rows, …]`, the rows of all pieces together, and the axes that follow.
    package let shape: [Int]

    package init(pieces: [Piece], shape: [Int]) {
        self.pieces = pieces
        self.shape = shape
    }
}

/// A part of one base tensor. The tensor is read as a matrix: its first `leadingAxes` axes are the rows, the rest the
/// columns. From that matrix, in this order: `slab` cuts rows, `transposed` swaps the axes, `halvesSwapped` exchanges
/// the first and second half of the rows, `rows` cuts rows of the result.
package struct Piece: Hashable, Sendable {
    /// Index into the list of tensors that the name table was built from.
    package let tensor: Int
    package var leadingAxes = 1
    package var slab: Range<Int>?
    package var transposed = false
    package var halvesSwapped = false
    package var rows: Range<Int>?

    package init(tensor: Int) {
        self.tensor = tensor
    }
}
