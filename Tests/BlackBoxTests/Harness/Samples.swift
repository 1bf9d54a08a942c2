import Foundation
import UmbelFormats
import UmbelPOSIX
import UmbelTensor

/// Where the models and adapters of the tests lie.
enum Samples {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let goldens = root + "/Tests/Goldens"
    /// A single file of 28 small tensors.
    static let main = goldens + "/lycoris/base/main_fp32.safetensors"
    /// An adapter for `main`: a plain LoRA of rank 4 on one layer.
    static let plain = damaged("ok_plain.safetensors")
    /// A module of `main`, and a key that belongs to nothing.
    static let partial = damaged("unknown_key.safetensors")
    static let pipeline = root + "/demo/bases/shapes-sd"
    static let outline = root + "/demo/adapters/shapes-sd/locon-outline.safetensors"
    static let tilt = root + "/demo/adapters/shapes-sd/loha-tilted.safetensors"
    static let pastel = root + "/demo/adapters/shapes-sd/lora-te-pastel.safetensors"
    static let llama = root + "/demo/bases/stories-llama"
    static let shakespeare = root + "/demo/adapters/stories-llama/peft-lora-shakespeare"
    static let pirate = root + "/demo/adapters/stories-llama/lycoris-dora-pirate.safetensors"
    static let sharded = goldens + "/names/tiny/flux/diffusers"
    static let shardedAdapter = goldens + "/names/tiny/flux/lora-split/lycoris.safetensors"

    static func damaged(_ name: String) -> String { goldens + "/invalid/" + name }

    static func data(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    /// In hexadecimal digits.
    static func sha256(_ data: Data) -> String { data.withUnsafeBytes { SHA256.hex(of: $0) } }

    /// `plain` with another last number: a second adapter for `main`.
    static func other() throws -> Data {
        let file = try data(plain)
        return file.dropLast(4) + withUnsafeBytes(of: Float(0.5).bitPattern.littleEndian) { Data($0) }
    }

    /// The tensors of a safetensors file by name: type, shape and bytes.
    static func tensors(_ file: Data) throws -> [String: Tensor] {
        let index = try file.withUnsafeBytes { try SafetensorsIndex(file: $0) }
        return Dictionary(
            uniqueKeysWithValues: index.entries.map { entry in
                let start = file.startIndex + index.dataStart + entry.range.lowerBound
                let bytes = Data(file[start..<start + entry.range.count])
                return (entry.name, Tensor(dtype: entry.dtype.rawValue, shape: entry.shape, bytes: bytes))
            })
    }

    struct Tensor: Equatable {
        let dtype: String
        let shape: [Int]
        let bytes: Data

        /// Elements of a file in F32.
        var floats: [Float] {
            stride(from: 0, to: bytes.count, by: 4).map { offset in
                bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Float.self) }
            }
        }
    }
}

extension Data {
    /// With every occurrence replaced by something as long.
    func replacing(_ old: String, with new: String) -> Data {
        precondition(old.utf8.count == new.utf8.count, "offsets must stay")
        var copy = self
        var start = copy.startIndex
        while let found = copy.range(of: Data(old.utf8), in: start..<copy.endIndex) {
            copy.replaceSubrange(found, with: Data(new.utf8))
            start = found.upperBound
        }
        return copy
    }
}

extension Samples {
    /// `plain` with another last number for each `number`: small adapters for `main`, all different.
    static func variation(_ number: Int) throws -> Data {
        let value = Float(number) / 1024
        return try data(plain).dropLast(4) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
    }
}
