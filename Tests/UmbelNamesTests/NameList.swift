import Foundation
import Testing
import UmbelNames

/// One of the full-size lists: every module of a public model, in every style and in both layouts.
struct NameList {
    static let all = [
        "sd15-unet", "sdxl-unet", "sd15-text-encoder", "sdxl-text-encoder", "sdxl-text-encoder-2", "sd-vae",
        "sd3-transformer", "flux-transformer",
    ]

    enum Layout: String, CaseIterable, Sendable {
        case diffusers
        case single
    }

    /// One tensor in both layouts.
    struct Tensor {
        let diffusers: String
        let single: String
        let shape: [Int]
        let rows: Range<Int>?
        let swapped: Bool
        let transposed: Bool
        let reshaped: Bool
    }

    struct Row {
        let stems: [String: String]
        /// The weight's name in the folder.
        let tensor: String
    }

    struct Fused {
        let stems: [String]
        /// XLabs' stem for some rows of it.
        let cut: (stem: String, rows: Range<Int>)?
        let single: String
        let parts: [String]
    }

    let folder: String
    let prefix: String
    let kind: String
    let tensors: [Tensor]
    let rows: [Row]
    let fused: [Fused]
    let collisions: Int

    init(_ name: String) throws {
        let json = try Fixtures.json("\(name).json.gz")
        let layouts = try #require(json["layouts"] as? [String: [String: String]])
        folder = try #require(layouts["diffusers"]?["folder"])
        prefix = try #require(layouts["single"]?["prefix"])
        kind = try #require(json["component"] as? String)
        collisions = try #require(json["collisions"] as? [String: Any]).count
        let table = try #require(json["tensors"] as? [String: Any])
        tensors = try #require(table["rows"] as? [[Any]]).map(Self.tensor)
        let columns = try #require(json["columns"] as? [String])
        let facts: Set = ["kind", "diffusers", "single", "op"]
        rows = try #require(json["rows"] as? [[Any]]).map { row in
            var stems: [String: String] = [:]
            for (column, value) in zip(columns, row) where !facts.contains(column) { stems[column] = value as? String }
            let place = try #require(columns.firstIndex(of: "diffusers"))
            return Row(stems: stems, tensor: try #require(row[place] as? String))
        }
        fused = try (json["fused"] as? [[String: Any]] ?? []).map { entry in
            let rows = entry["uso_rows"] as? [Int]
            let stem = entry["uso"] as? String
            return Fused(
                stems: ["kohya_single", "comfy", "xlabs"].compactMap { entry[$0] as? String },
                cut: stem.flatMap { stem in rows.map { (stem, $0[0]..<$0[1]) } },
                single: try #require(entry["single"] as? String),
                parts: try #require(entry["parts"] as? [[Any]]).map { try #require($0[0] as? String) })
        }
    }

    private static func tensor(_ row: [Any]) throws -> Tensor {
        let op = try #require(row[3] as? [String: Any])
        let rows = (op["rows"] as? [Int]).map { $0[0]..<$0[1] }
        return Tensor(
            diffusers: try #require(row[0] as? String), single: try #require(row[1] as? String),
            shape: try #require(row[2] as? [Int]), rows: rows, swapped: op["swap_halves"] != nil,
            transposed: op["transpose"] != nil, reshaped: op["reshape"] != nil)
    }

    /// The base in one layout. Shapes of fused tensors are put together from their parts.
    func base(_ layout: Layout) -> [BaseTensor] {
        if layout == .diffusers {
            return tensors.map { BaseTensor(component: folder, name: $0.diffusers, shape: $0.shape) }
        }
        var order: [String] = []
        var shapes: [String: [Int]] = [:]
        for tensor in tensors {
            var shape = tensor.shape
            if let rows = tensor.rows { shape[0] = max(rows.upperBound, shapes[tensor.single]?[0] ?? 0) }
            if tensor.transposed { shape.reverse() }
            if tensor.reshaped { shape += [1, 1] }
            if shapes[tensor.single] == nil { order.append(tensor.single) }
            shapes[tensor.single] = shape
        }
        return order.map { BaseTensor(name: $0, shape: shapes[$0] ?? []) }
    }

    /// Whether a column's stems are made for the single file: its shapes and its order of halves.
    func isOriginal(_ column: String) -> Bool {
        ["kohya_single", "comfy"].contains(column) && !kind.hasSuffix("clip")
    }
}
