import Foundation
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// A tensor written down in a test.
package struct TestTensor: Sendable {
    package var name: String
    package var dtype: DType
    package var shape: [Int]
    package var bytes: [UInt8]

    package init(_ name: String, _ dtype: DType, _ shape: [Int], bytes: [UInt8]) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.bytes = bytes
    }

    /// Values rounded to `dtype`, a floating-point type.
    package init(_ name: String, _ shape: [Int], _ values: [Float], as dtype: DType = .f32) {
        let storage = Storage(bytes: values.withUnsafeBytes { Array($0) })
        self.init(name, dtype, shape, bytes: storage.view(.f32, shape).converted(0..<values.count, to: dtype))
    }

    package static func integers(_ name: String, _ shape: [Int], _ values: [Int64]) -> TestTensor {
        TestTensor(name, .i64, shape, bytes: values.withUnsafeBytes { Array($0) })
    }

    package var view: TensorView { Storage(bytes: bytes).view(dtype, shape) }
    package var values: [Float] { view.values() }

    private final class Storage {
        let buffer: UnsafeMutableRawBufferPointer

        init(bytes: [UInt8]) {
            buffer = .allocate(byteCount: max(1, bytes.count), alignment: 8)
            buffer.copyBytes(from: bytes)
        }

        deinit { buffer.deallocate() }

        func view(_ dtype: DType, _ shape: [Int]) -> TensorView {
            let count = shape.elementCount * dtype.byteCount
            return TensorView(
                dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]), owner: self)
        }
    }
}

extension [TestTensor] {
    /// The tensors as a safetensors file.
    package func file(metadata: [(name: String, value: String)]? = nil) -> [UInt8] {
        let layout = SafetensorsLayout(
            tensors: map { .init(name: $0.name, dtype: $0.dtype, shape: $0.shape) }, metadata: metadata)
        return layout.header + flatMap(\.bytes)
    }

    /// The tensors as a base without settings.
    package var base: BaseWeights {
        BaseWeights(
            catalog: BaseCatalog(tensors: map { BaseTensor(name: $0.name, shape: $0.shape) }), views: map(\.view))
    }
}

extension MergedTensor {
    /// The bytes as a value of their own: `bytes` is only good as long as somebody holds the tensor.
    package var copiedBytes: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}

/// A folder that goes with the value.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "umbel-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = URL(filePath: path).appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    @discardableResult
    package func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

    package func names(in folder: String = "") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []).sorted()
    }
}

extension Adapter {
    /// An adapter of tensors written down in a test.
    package init(
        _ tensors: [TestTensor], config: PEFTConfig? = nil, metadata: [(name: String, value: String)]? = nil
    ) throws {
        // The file is mapped when the folder goes.
        let folder = try TemporaryFolder()
        let path = try folder.write(tensors.file(metadata: metadata), to: "adapter.safetensors")
        try self.init(file: SafetensorsFile(path: path), config: config)
    }
}
