import Testing
import UmbelFormats
import UmbelModels
import UmbelPOSIX
import UmbelTensor

@Suite("Files of a network")
struct ComponentFilesTests {
    @Test("Shards are put together as their index says, and plain files come before variants")
    func choices() throws {
        try withFolder { folder in
            try write(folder + "/model.fp16.safetensors", ["a": [1]])
            #expect(try ComponentFiles.weights(in: folder).tensor("a")?.values() == [1])
            try write(folder + "/one.safetensors", ["a": [2], "b": [3]])
            try write(folder + "/two.safetensors", ["b": [4]])
            let index: JSON = ["weight_map": ["a": "one.safetensors", "b": "two.safetensors"]]
            try AtomicFile.write(Array(index.text.utf8), to: folder + "/model.safetensors.index.json")
            let sharded = try ComponentFiles.weights(in: folder)
            #expect(sharded.tensor("a")?.values() == [2] && sharded.tensor("b")?.values() == [4])
            try write(folder + "/model.safetensors", ["a": [5]])
            #expect(try ComponentFiles.weights(in: folder).tensor("a")?.values() == [5])
            #expect(try ComponentFiles.weights(in: folder, variant: "fp16").tensor("a")?.values() == [1])
        }
    }

    @Test("What is missing or damaged is named")
    func refusals() throws {
        try withFolder { folder in
            #expect(throws: ModelError.missingFile(folder + "/config.json")) {
                try ComponentFiles.json("config.json", in: folder)
            }
            try AtomicFile.write([1, 2, 3] as [UInt8], to: folder + "/model.safetensors")
            #expect(throws: ModelError.malformed(file: folder + "/model.safetensors", reason: "header_truncated")) {
                try ComponentFiles.weights(in: folder)
            }
            let index: JSON = ["weight_map": ["a": "../one.safetensors"]]
            try Directory.removeFile(folder + "/model.safetensors")
            try AtomicFile.write(Array(index.text.utf8), to: folder + "/model.safetensors.index.json")
            #expect(throws: ModelError.malformed(file: folder + "/model.safetensors.index.json", reason: "a")) {
                try ComponentFiles.weights(in: folder)
            }
        }
    }

    private func write(_ path: String, _ tensors: [String: [Float]]) throws {
        let names = tensors.keys.sorted()
        let layout = SafetensorsLayout(
            tensors: names.map { .init(name: $0, dtype: .f32, shape: [tensors[$0]?.count ?? 0]) }, metadata: nil)
        var bytes = layout.header
        for name in names { tensors[name]?.withUnsafeBytes { bytes += $0 } }
        try AtomicFile.write(bytes, to: path)
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/umbel-component-files-\(UInt64.random(in: 0 ... .max))"
        try Directory.create(folder)
        defer { try? Directory.removeTree(folder) }
        try body(folder)
    }
}
