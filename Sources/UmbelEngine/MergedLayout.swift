internal import UmbelAdapters
internal import UmbelFormats
internal import UmbelNames
internal import UmbelPOSIX
internal import UmbelTensor

/// Works out the files of a merged model: what each consists of and how long it is.
struct MergedLayout {
    let base: BaseModel
    let plan: MergePlan
    let dtype: DType?

    func files() -> [MergedModel.File] {
        let layouts = base.files.map { ($0, layout(of: $0)) }
        let totals = indexTotals(layouts)
        return layouts.map { file, layout in
            if let layout {
                return MergedModel.File(
                    path: file.path, bytes: layout.bytes, parts: layout.parts, isBaseFile: layout.isBaseFile)
            }
            if let rewritten = rewrittenIndex(file, totals) {
                return MergedModel.File(path: file.path, bytes: rewritten.count, parts: [.header(rewritten)])
            }
            guard case .other(let mapping) = file.content else {
                preconditionFailure("a file without a layout of weights is passed through")
            }
            let part = MergedModel.Part.base(mapping, 0..<mapping.bytes.count)
            return MergedModel.File(path: file.path, bytes: file.bytes, parts: [part], isBaseFile: true)
        }
    }

    private struct WeightLayout {
        var parts: [MergedModel.Part]
        var tensors: [SafetensorsLayout.Tensor]
        /// The header and every tensor are the base's own.
        var isBaseFile: Bool
        var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
    }

    /// nil for a file without weights.
    private func layout(of file: BaseModel.File) -> WeightLayout? {
        guard case .weights(let weights, let indices) = file.content else { return nil }
        var tensors: [SafetensorsLayout.Tensor] = []
        var parts: [MergedModel.Part] = []
        for (entry, index) in zip(weights.index.entries, indices) {
            let type = entry.dtype.isFloat ? dtype ?? entry.dtype : entry.dtype
            let shape = index.map(plan.shape) ?? entry.shape
            tensors.append(.init(name: entry.name, dtype: type, shape: shape))
            if let index, isTouched(index) {
                parts.append(.merged(index, bytes: shape.elementCount * type.byteCount))
            } else if type == entry.dtype {
                parts.append(.base(weights.mapping, weights.place(of: entry)))
            } else {
                parts.append(.converted(weights.view(entry), type))
            }
        }
        for addition in additions(in: file) {
            let type = addition.view.dtype.isFloat ? dtype ?? addition.view.dtype : addition.view.dtype
            tensors.append(.init(name: addition.name, dtype: type, shape: addition.view.shape))
            parts.append(type == addition.view.dtype ? .stored(addition.view) : .converted(addition.view, type))
        }
        let isUnchanged =
            tensors.count == weights.index.entries.count
            && zip(tensors, weights.index.entries).allSatisfy { $0.dtype == $1.dtype && $0.shape == $1.shape }
        // Where nothing moved, the file keeps its own header to the byte.
        let header: MergedModel.Part =
            isUnchanged
            ? .base(weights.mapping, 0..<weights.index.dataStart)
            : .header(SafetensorsLayout(tensors: tensors, metadata: weights.index.metadata).header)
        let isStored = parts.allSatisfy { if case .base = $0 { true } else { false } }
        return WeightLayout(
            parts: Self.joined([header] + parts), tensors: tensors, isBaseFile: isUnchanged && isStored)
    }

    /// Neighbours in the base's file become one part, which then leaves in one go.
    private static func joined(_ parts: [MergedModel.Part]) -> [MergedModel.Part] {
        var joined: [MergedModel.Part] = []
        for part in parts {
            guard case .base(let file, let range) = part, case .base(let last, let before)? = joined.last,
                last === file, before.upperBound == range.lowerBound
            else {
                joined.append(part)
                continue
            }
            joined[joined.count - 1] = .base(file, before.lowerBound..<range.upperBound)
        }
        return joined
    }

    private func isTouched(_ tensor: Int) -> Bool { !plan.cluster(of: tensor).isEmpty }

    /// New tensors go into the first file of their component; without a component of that name, into the first of all.
    private func additions(in file: BaseModel.File) -> [MergePlan.Addition] {
        plan.additions.filter { addition in
            let homes = base.files.filter { candidate in
                guard case .weights = candidate.content else { return false }
                return addition.component.isEmpty || candidate.path.hasPrefix(addition.component + "/")
            }
            return homes.first?.path == file.path
        }
    }

    private struct IndexTotals {
        /// Bytes of all tensors, and names with their shards, by folder of the index file.
        var bytes = 0
        var shards: [(name: String, shard: String)] = []
        var isChanged = false
    }

    private func indexTotals(_ layouts: [(BaseModel.File, WeightLayout?)]) -> [String: IndexTotals] {
        var totals: [String: IndexTotals] = [:]
        for (file, layout) in layouts {
            guard let layout, case .weights(let weights, let indices) = file.content else { continue }
            let folder = Self.folder(of: file.path)
            let name = String(file.path.dropFirst(folder.count))
            for (position, tensor) in layout.tensors.enumerated() {
                // A second copy in a shard is no entry of the map.
                if position < indices.count, indices[position] == nil { continue }
                totals[folder, default: .init()].bytes += tensor.shape.elementCount * tensor.dtype.byteCount
                totals[folder, default: .init()].shards.append((tensor.name, name))
            }
            if layout.bytes != file.bytes || layout.tensors.count != weights.index.entries.count {
                totals[folder, default: .init()].isChanged = true
            }
        }
        return totals
    }

    /// The index of sharded weights, written anew when sizes or names changed.
    private func rewrittenIndex(_ file: BaseModel.File, _ totals: [String: IndexTotals]) -> [UInt8]? {
        guard file.path.hasSuffix(".json"), file.path.contains(".safetensors.index"),
            let total = totals[Self.folder(of: file.path)], total.isChanged
        else { return nil }
        let map = total.shards.sorted { $0.name < $1.name }.map { JSON.Member($0.name, .string($0.shard)) }
        let index: JSON = ["metadata": ["total_size": JSON(total.bytes)], "weight_map": .object(map)]
        return Array(index.prettyText.utf8)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }
}
