import COpenBLAS
import UmbelModels
import UmbelTensor

/// A layer at a size that it has in a network.
struct LayerCase {
    let name: String
    /// Multiplications and additions.
    let operations: Double
    let run: (ComputePool) -> Void

    static func all(_ type: ComputeType) -> [LayerCase] {
        [
            linear(4096, 320, 320, type), linear(4096, 1280, 320, type), linear(1024, 640, 2560, type),
            packed(4096, 320, 320, type),
            gated(4096, 320, 1280, type),
            convolution(320, 320, 64, type), convolution(640, 640, 32, type), convolution(1280, 1280, 16, type),
            convolution(1280, 1280, 8, type), convolution(4, 320, 64, type), convolution(320, 4, 64, type),
            convolution(320, 320, 64, stride: 2, type), convolution(128, 128, 256, type),
            attention(8, 4096, 4096, 40, type), attention(8, 1024, 1024, 80, type), attention(8, 4096, 77, 40, type),
            groupNorm(320, 64), layerNorm(4096, 320), gelu(4096, 1280),
        ]
    }

    /// Products in f32 by OpenBLAS, each beside the linear layer of its size, which finds its weight packed.
    static var besideOpenBLAS: [LayerCase] {
        [
            (4096, 320, 320), (4096, 1280, 320), (4096, 320, 2560), (1024, 640, 2560), (256, 1280, 1280),
            (77, 768, 320),
        ].flatMap { (rows, inputs, outputs) in
            [product(rows, inputs, outputs), linear(rows, inputs, outputs, .f32)]
        }
    }

    private static func product(_ rows: Int, _ inputs: Int, _ outputs: Int) -> LayerCase {
        let (x, weight, out) = (matrix(rows, inputs), matrix(outputs, inputs, 0.02), matrix(rows, outputs))
        let name = "OpenBLAS \(rows)x\(inputs)x\(outputs)"
        return LayerCase(name: name, operations: 2 * Double(rows * inputs * outputs)) { pool in
            openblas_set_num_threads(Int32(pool.threads))
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(outputs), Int32(inputs), 1, x.start,
                Int32(inputs), weight.start, Int32(inputs), 0, out.start, Int32(outputs))
        }
    }

    private static func matrix(_ rows: Int, _ columns: Int, _ deviation: Float = 1) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        Noise().fill(matrix, deviation)
        return matrix
    }

    private static func tensor(_ shape: [Int]) -> TensorView {
        let matrix = matrix(1, shape.reduce(1, *), 0.02)
        let bytes = UnsafeRawBufferPointer(start: matrix.start, count: matrix.count * 4)
        return TensorView(dtype: .f32, shape: shape, bytes: bytes, owner: matrix)
    }

    private static func map(_ size: Int, _ channels: Int) -> FeatureMap {
        FeatureMap(batch: 1, height: size, width: size, matrix(size * size, channels))
    }

    /// Of rows as the layer before leaves them to most linear layers: in the units that products read.
    private static func linear(_ rows: Int, _ inputs: Int, _ outputs: Int, _ type: ComputeType) -> LayerCase {
        let layer = Linear(weight: tensor([outputs, inputs]), bias: tensor([outputs]), type: type)
        let x = Factors(matrix(rows, inputs), type: type, pool: ComputePool(threads: 1))
        return LayerCase(name: "linear \(rows)x\(inputs)x\(outputs)", operations: 2 * Double(rows * inputs * outputs)) {
            _ = layer(x, pool: $0)
        }
    }

    /// Of numbers, as layers get them that do not follow a norm, a gate or attention.
    private static func packed(_ rows: Int, _ inputs: Int, _ outputs: Int, _ type: ComputeType) -> LayerCase {
        let layer = Linear(weight: tensor([outputs, inputs]), bias: tensor([outputs]), type: type)
        let x = matrix(rows, inputs)
        return LayerCase(
            name: "linear and packing \(rows)x\(inputs)x\(outputs)", operations: 2 * Double(rows * inputs * outputs)
        ) {
            _ = layer(x, pool: $0)
        }
    }

    private static func gated(_ rows: Int, _ inputs: Int, _ half: Int, _ type: ComputeType) -> LayerCase {
        let layer = Linear(weight: tensor([2 * half, inputs]), bias: tensor([2 * half]), type: type)
        let x = Factors(matrix(rows, inputs), type: type, pool: ComputePool(threads: 1))
        return LayerCase(name: "geglu \(rows)x\(inputs)x\(2 * half)", operations: 4 * Double(rows * inputs * half)) {
            _ = layer.gatedGELU(x, pool: $0)
        }
    }

    private static func convolution(
        _ inputs: Int, _ outputs: Int, _ size: Int, stride: Int = 1, _ type: ComputeType
    ) -> LayerCase {
        let layer = Convolution(
            weight: tensor([outputs, inputs, 3, 3]), bias: tensor([outputs]), stride: stride, padding: .init(1),
            type: type)
        let x = map(size, inputs)
        let places = Double(size / stride * (size / stride))
        let name = "conv \(inputs)->\(outputs) @\(size)" + (stride == 1 ? "" : " /\(stride)")
        return LayerCase(name: name, operations: 18 * places * Double(inputs * outputs)) { _ = layer(x, pool: $0) }
    }

    private static func attention(_ heads: Int, _ places: Int, _ seen: Int, _ size: Int, _ type: ComputeType)
        -> LayerCase
    {
        let (query, keys) = (matrix(places, heads * size), matrix(seen, heads * size))
        let name = "attention \(heads)x\(places)x\(seen)x\(size)"
        return LayerCase(name: name, operations: 4 * Double(heads * places * seen * size)) {
            _ = Attention.of(query: query, keys: keys, values: keys, batch: 1, heads: heads, type: type, pool: $0)
        }
    }

    private static func groupNorm(_ channels: Int, _ size: Int) -> LayerCase {
        let ones = [Float](repeating: 1, count: channels)
        let (norm, x) = (GroupNorm(groups: 32, epsilon: 1e-5, scale: ones, shift: ones), map(size, channels))
        return LayerCase(name: "group norm \(channels) @\(size)", operations: 5 * Double(x.values.count)) {
            _ = norm(x, silu: true, pool: $0)
        }
    }

    private static func layerNorm(_ rows: Int, _ columns: Int) -> LayerCase {
        let ones = [Float](repeating: 1, count: columns)
        let (norm, x) = (LayerNorm(epsilon: 1e-5, scale: ones, shift: ones), matrix(rows, columns))
        return LayerCase(name: "layer norm \(rows)x\(columns)", operations: 5 * Double(x.count)) {
            _ = norm(x, pool: $0)
        }
    }

    private static func gelu(_ rows: Int, _ columns: Int) -> LayerCase {
        let x = matrix(rows, 2 * columns)
        return LayerCase(name: "gelu gate \(rows)x\(columns)", operations: 2 * Double(rows * columns)) {
            _ = Activation.gatedGELU(x, pool: $0)
        }
    }
}
