internal import CUmbelCompute
internal import Synchronization
package import UmbelTensor

/// A convolution with W (outputs, inputs, kernel, kernel) over zeros outside of the picture.
///
/// How it is computed depends on the size of the picture, so the weight is packed when a size is first seen; a variant's own is packed
/// for each call, and never kept.
package final class Convolution: PackedLayer {
    /// Zeros around a picture.
    package struct Padding: Hashable, Sendable {
        package let top: Int
        package let left: Int
        package let bottom: Int
        package let right: Int

        package init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

        package init(top: Int, left: Int, bottom: Int, right: Int) {
            (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
        }
    }

    package let inputs: Int
    package let outputs: Int
    package let kernel: Int
    package let stride: Int
    package let padding: Padding
    let type: ComputeType
    let bias: Matrix?
    private let packing: Packing
    private let weight: TensorView
    private let direct = Mutex<Panels?>(nil)
    private let few = Mutex<Matrix?>(nil)
    private let transformed = Mutex<[WinogradTile: WinogradPoints]>([:])

    /// - Parameters:
    ///   - type: what products are computed in.
    ///   - packing: how long the weight is kept packed.
    /// - Precondition: `weight` has four axes, the last two alike; `bias` has a number for each output.
    package init(
        weight: TensorView, bias: TensorView?, stride: Int = 1, padding: Padding, type: ComputeType = .f32,
        packing: Packing = .once
    ) {
        precondition(weight.shape.count == 4 && weight.shape[2] == weight.shape[3])
        precondition(bias.map { $0.elementCount == weight.shape[0] } ?? true)
        self.weight = weight
        outputs = weight.shape[0]
        inputs = weight.shape[1]
        kernel = weight.shape[2]
        self.stride = stride
        self.padding = padding
        self.type = type
        self.packing = packing
        self.bias = bias?.matrix(rows: 1)
    }

    /// - Parameter residual: is added, of the result's size.
    package func callAsFunction(_ x: FeatureMap, adding residual: FeatureMap? = nil, pool: ComputePool) -> FeatureMap {
        precondition(x.channels == inputs)
        let height = (x.height + padding.top + padding.bottom - kernel) / stride + 1
        let width = (x.width + padding.left + padding.right - kernel) / stride + 1
        let out = FeatureMap(batch: x.batch, height: height, width: width, channels: outputs, pool: pool)
        precondition(residual.map { $0.values.rows == out.values.rows && $0.channels == outputs } ?? true)
        switch Method(self, out) {
        case .winograd(let tile):
            winograd(tile, pool).convolve(x, into: out, padding, bias: bias, residual: residual, pool: pool)
        case .few: convolveFew(x, into: out, residual, fewWeights(), pool)
        case .gathered: convolveGathered(x, into: out, residual, gatheredPanels(pool), pool)
        case .direct: convolveDirectly(x, into: out, residual, panels(type, pool), pool)
        }
        return out
    }

    /// Ways of computing, by what was measured.
    private enum Method {
        case direct
        /// Too many inputs to be gathered, too few outputs to fill registers.
        case few
        case gathered
        case winograd(WinogradTile)
        init(_ layer: Convolution, _ out: FeatureMap) {
            guard layer.inputs >= 16 else {
                self = .gathered
                return
            }
            guard layer.outputs > Int(UMBEL_FEW_OUTPUTS) else {
                self = .few
                return
            }
            guard layer.kernel == 3, layer.stride == 1, layer.outputs >= 16, out.places >= 16 else {
                self = .direct
                return
            }
            self = .winograd(WinogradTile(places: out.places, layer.type))
        }
    }

    package var packedBytes: Int {
        let panels = direct.withLock { $0?.byteCount ?? 0 } + few.withLock { 4 * ($0?.count ?? 0) }
        return panels + transformed.withLock { $0.values.reduce(0) { $0 + $1.byteCount } }
    }

    /// It is kept for sizes to come.
    package var storedBytes: Int { weight.bytes.count }

    /// The inputs at neighbouring positions lie behind each other, so pairs are whole only of even numbers of inputs.
    private func gatheredPanels(_ pool: ComputePool) -> Panels { panels(inputs % 2 == 0 ? type : .f32, pool) }

    private func panels(_ type: ComputeType, _ pool: ComputePool) -> Panels {
        guard packing == .once else { return packed(type, pool) }
        return direct.withLock { known in
            if let known { return known }
            let made = packed(type, pool)
            known = made
            return made
        }
    }

    private func packed(_ type: ComputeType, _ pool: ComputePool) -> Panels {
        Panels(weight, outputs: outputs, inputs: inputs, positions: kernel * kernel, type: type, pool: pool)
    }

    /// (kernel · kernel · outputs, inputs)
    private func fewWeights() -> Matrix {
        guard packing == .once else { return rearranged() }
        return few.withLock { known in
            if let known { return known }
            let made = rearranged()
            known = made
            return made
        }
    }

    private func rearranged() -> Matrix {
        let (stored, positions) = (weight.matrix(), kernel * kernel)
        let made = Matrix(rows: positions * outputs, columns: inputs)
        for output in 0..<outputs {
            for input in 0..<inputs {
                for position in 0..<positions {
                    made[position * outputs + output, input] = stored[output, input * positions + position]
                }
            }
        }
        return made
    }

    private func winograd(_ tile: WinogradTile, _ pool: ComputePool) -> Winograd {
        let weight = WinogradWeight(weight, tile: tile, type: type)
        guard packing == .once else { return Winograd(weight: weight, kept: nil) }
        return transformed.withLock { known in
            if let points = known[tile] { return Winograd(weight: weight, kept: points) }
            let made = WinogradPoints(weight, pool: pool)
            known[tile] = made
            return Winograd(weight: weight, kept: made)
        }
    }
}

extension Weights {
    /// The convolution of that name, packed once for all that share its tensors.
    ///
    /// - Throws: if its weight is missing or has another shape.
    package func convolution(
        _ name: String, inputs: Int, outputs: Int, kernel: Int = 3, stride: Int = 1, padding: Convolution.Padding? = nil
    ) throws(ModelError) -> Convolution {
        let (weightName, biasName) = (name + ".weight", name + ".bias")
        let weight = try tensor(weightName, shape: [outputs, inputs, kernel, kernel])
        let (bias, type) = (try optionalTensor(biasName, shape: [outputs]), computeType)
        let padding = padding ?? Convolution.Padding(kernel / 2)
        let kind = "convolution \(stride) \(padding) \(type)"
        return try source.layer(of: [prefix + weightName, prefix + biasName], kind: kind) {
            (packing) throws(ModelError) in
            Convolution(weight: weight, bias: bias, stride: stride, padding: padding, type: type, packing: packing)
        }
    }
}
