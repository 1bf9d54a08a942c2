import UmbelFormats
import UmbelPOSIX
import UmbelTensor

/// A tensor to be generated.
struct GeneratedTensor {
    let name: String
    let shape: [Int]
    let fill: Fill
}

enum GeneratedFile {
    /// Writes a safetensors file of generated values.
    static func write(
        _ tensors: [GeneratedTensor], dtype: DType, metadata: [(name: String, value: String)]? = nil, to path: String
    ) throws {
        let layout = SafetensorsLayout(
            tensors: tensors.map { .init(name: $0.name, dtype: dtype, shape: $0.shape) }, metadata: metadata)
        let file = try AtomicFile(path: path)
        try layout.header.withUnsafeBytes { try file.write($0) }
        let source = NoiseSource(dtype: dtype)
        for tensor in tensors {
            try source.produce(tensor.shape.elementCount, tensor.fill) { try file.write($0) }
        }
        try file.commit()
    }
}

extension ModelShape {
    /// Weights of a deviation that keeps a signal's size, norms around one.
    var generated: [GeneratedTensor] {
        let normNames = Set(norms.map { $0.path + ".weight" })
        return tensors.map { tensor in
            GeneratedTensor(
                name: tensor.name, shape: tensor.shape,
                fill: normNames.contains(tensor.name) ? .noise(0.1, around: 1) : .noise(0.02))
        }
    }
}
