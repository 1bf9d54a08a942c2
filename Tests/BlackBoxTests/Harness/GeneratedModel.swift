import Foundation
import UmbelFormats
import UmbelTensor

/// A base of bf16 matrices that is too large to ship, and LoRAs for all of it. The numbers mean nothing.
struct GeneratedModel {
    let layers: Int
    let side: Int

    var layerBytes: Int { side * side * 2 }
    var bytes: Int { layers * layerBytes }

    func writeBase(to path: String) throws {
        let names = (0..<layers).map { "layers.\($0).weight" }
        try write(names.map { ($0, [side, side]) }, to: path)
    }

    /// - Parameter seed: another one gives other numbers.
    func writeAdapter(rank: Int, seed: Int, to path: String) throws {
        let tensors = (0..<layers).flatMap { layer in
            [
                ("lora_unet_layers_\(layer).lora_down.weight", [rank, side]),
                ("lora_unet_layers_\(layer).lora_up.weight", [side, rank]),
            ]
        }
        try write(tensors, seed: seed, to: path)
    }

    private func write(_ tensors: [(name: String, shape: [Int])], seed: Int = 0, to path: String) throws {
        let layout = SafetensorsLayout(
            tensors: tensors.map { .init(name: $0.name, dtype: .bf16, shape: $0.shape) }, metadata: nil)
        try Data(layout.header).write(to: URL(filePath: path))
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        // bf16 of magnitudes between 2⁻⁷ and 2⁻⁶, of either sign.
        let supply = (0..<1 << 16).map { index -> UInt16 in
            let mixed = UInt16(truncatingIfNeeded: (index &+ seed) &* 40_503)
            return 0x3c00 | (mixed & 0x807f)
        }
        let piece = supply.withUnsafeBytes { Data($0) }
        for tensor in tensors {
            var left = tensor.shape.reduce(2, *)
            while left > 0 {
                try file.write(contentsOf: piece.prefix(left))
                left -= piece.count
            }
        }
    }
}
