import Foundation
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelNames
import UmbelRegistry
import UmbelTensor
import UmbelTesting

/// Every LyCORIS adapter of the corpus with one tensor damaged, in every way of a list. Each is either refused with a
/// reason, or merges into something finite: nothing crashes, and nothing is broadcast or cut to fit.
@Suite("Damaged LyCORIS adapters")
struct DamagedAdapterTests {
    enum Damage: CaseIterable {
        case missing, flattened, transposed, halved, doubled, emptied, scalar, integer, extraAxis, notANumber
    }

    struct StoredTensor {
        var name: String
        var dtype: DType
        var shape: [Int]
        var bytes: [UInt8]

        /// - Returns: nil where the damage would change nothing.
        func damaged(_ damage: Damage) -> [StoredTensor]? {
            var copy = self
            let unit = dtype.byteCount
            switch damage {
            case .missing: return []
            case .flattened: copy.shape = [shape.elementCount]
            case .transposed: copy.shape = shape.reversed()
            case .halved:
                guard let first = shape.first, first > 1 else { return nil }
                copy.shape[0] = first / 2
                copy.bytes = Array(bytes.prefix(copy.shape.elementCount * unit))
            case .doubled:
                guard let first = shape.first else { return nil }
                copy.shape[0] = first * 2
                copy.bytes = bytes + bytes
            case .emptied:
                copy.shape = [0] + shape.dropFirst()
                copy.bytes = []
            case .scalar:
                copy.shape = []
                copy.bytes = Array(bytes.prefix(unit))
            case .integer:
                copy.dtype = .i64
                copy.bytes = [UInt8](repeating: 1, count: shape.elementCount * 8)
            case .extraAxis: copy.shape = shape + [1, 1]
            case .notANumber: copy.bytes = [UInt8](repeating: 0xff, count: bytes.count)
            }
            return copy.shape == shape && copy.bytes == bytes && copy.dtype == dtype ? nil : [copy]
        }
    }

    static let adapters: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Goldens.path("lycoris/adapters"))) ?? []
        return names.filter { $0.hasSuffix(".safetensors") && !$0.hasPrefix("kohya") }.sorted()
    }()

    @Test("A damaged adapter is refused or harmless", arguments: adapters)
    func damagedAdapterIsRefusedOrHarmless(_ name: String) throws {
        let base = try BaseModel(name: "base", path: Goldens.path("lycoris/base/main_fp32.safetensors"))
        let names = base.names(prefixes: [Prefix("lora_transformer=")].compactMap { $0 })
        let file = try SafetensorsFile(path: Goldens.path("lycoris/adapters/\(name)"))
        let tensors = file.index.entries.map { entry in
            StoredTensor(
                name: entry.name, dtype: entry.dtype, shape: entry.shape, bytes: Array(file.view(entry).bytes))
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for position in tensors.indices.prefix(6) {
            for damage in Damage.allCases {
                guard let replacement = tensors[position].damaged(damage) else { continue }
                let path = "\(folder)/\(position)-\(damage).safetensors"
                let damagedTensors = tensors[..<position] + replacement + tensors[(position + 1)...]
                try write(Array(damagedTensors), to: path)
                try tryOut(path, base, names, "\(tensors[position].name) \(damage)")
            }
        }
    }

    private func write(_ tensors: [StoredTensor], to path: String) throws {
        let layout = SafetensorsLayout(
            tensors: tensors.map { .init(name: $0.name, dtype: $0.dtype, shape: $0.shape) }, metadata: nil)
        try Data(layout.header + tensors.flatMap(\.bytes)).write(to: URL(filePath: path))
    }

    private func tryOut(_ path: String, _ base: BaseModel, _ names: NameTable, _ what: String) throws {
        let adapter: Adapter
        do {
            adapter = try AdapterFile.open(path)
        } catch {
            return
        }
        _ = adapter.structuralError()
        let binding = Binder.bind(adapter, to: base.weights, names: names)
        guard binding.report.refusal(allowsUnmatched: true) == nil else { return }
        let plan = MergePlan(base: base.weights, steps: [.init(binding: binding, strength: 0.7)])
        let merger = TensorMerger(plan: plan, pool: MergeResult.pool)
        for tensor in plan.touched.sorted() {
            do throws(MergeError) {
                let merged = try merger.merge(tensor)
                #expect(merged[tensor]?.shape == base.weights.views[tensor].shape, "\(what)")
                #expect(merged[tensor]?.view.firstNonFinite() == nil, "\(what)")
            } catch {
                continue  // a result that is not finite is refused with its row
            }
        }
    }
}
