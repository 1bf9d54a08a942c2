import Foundation
import UmbelFormats

/// The trained pipeline as a checkpoint in one file, in the layout of Stable Diffusion 1.
enum SingleFileSample {
    /// Writes `NAME.safetensors`, and beside it `NAME/` with the folder's small files: it has its own vocabulary and sizes, which
    /// nobody can tell from the tensors.
    ///
    /// - Returns: the path of the file.
    static func write(_ name: String, companions: Bool = true, in scratch: Scratch) throws -> String {
        let recipe = try JSON(
            parsing: Array(Samples.data(Samples.root + "/Tests/DrawingFixtures/single-files/shapes-sd.json")))
        guard let modules = recipe["modules"]?.members, let kernels = recipe["kernels"]?.strings else {
            throw HarnessFailure("shapes-sd.json is no recipe")
        }
        var parts: [String: [String: Samples.Tensor]] = [:]
        for (part, file) in [
            ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model"),
        ] { parts[part] = try Samples.tensors(Samples.data("\(Samples.pipeline)/\(part)/\(file).safetensors")) }
        var tensors: [(name: String, tensor: Samples.Tensor)] = []
        for module in modules {
            let place = (module.value.string ?? "").split(separator: "/", maxSplits: 1).map(String.init)
            for kind in ["weight", "bias"] {
                guard let tensor = parts[place[0]]?["\(place[1]).\(kind)"] else { continue }
                let name = "\(module.name).\(kind)"
                let shape = tensor.shape + (kernels.contains(name) ? [1, 1] : [])
                tensors.append((name, .init(dtype: tensor.dtype, shape: shape, bytes: tensor.bytes)))
            }
        }
        let path = try scratch.write(name + ".safetensors", file(tensors))
        if companions { try copyCompanions(to: "\(scratch.path)/\(name)") }
        return path
    }

    private static func file(_ tensors: [(name: String, tensor: Samples.Tensor)]) -> Data {
        var members: [JSON.Member] = []
        var bytes = Data()
        for (name, tensor) in tensors {
            let start = bytes.count
            bytes += tensor.bytes
            members.append(
                .init(
                    name,
                    [
                        "dtype": .string(tensor.dtype), "shape": .array(tensor.shape.map { JSON($0) }),
                        "data_offsets": [JSON(start), JSON(bytes.count)],
                    ]))
        }
        var header = Data(JSON.object(members).text.utf8)
        header += Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header + bytes
    }

    private static func copyCompanions(to folder: String) throws {
        let files = FileManager.default
        for part in ["unet", "vae", "text_encoder"] {
            try files.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
            try files.copyItem(
                atPath: "\(Samples.pipeline)/\(part)/config.json", toPath: "\(folder)/\(part)/config.json")
        }
        for part in ["tokenizer", "scheduler"] {
            try files.copyItem(atPath: "\(Samples.pipeline)/\(part)", toPath: "\(folder)/\(part)")
        }
    }
}
