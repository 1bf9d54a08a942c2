import UmbelFormats

/// The figures of one adapter with one number of threads; times are medians, in seconds.
struct Measurement {
    let algorithm: String
    let rank: Int?
    let threads: Int
    let tensors: Int
    /// Of the touched tensors of the base; as many are written.
    let bytes: Int
    let multiplyAdds: Int
    /// Multiply-adds a second.
    let peak: Double
    let memcpySeconds: Double
    let streamSeconds: Double
    /// Results are let go of as soon as they are there.
    let mergeSeconds: Double
    /// All results are kept, in memory that earlier ones left.
    let keptSeconds: Double
    /// Into memory that nobody has touched; nil where that was not measured.
    let cold: Cold?
    /// Of all merged bytes: equal figures of two builds mean equal results.
    let checksum: UInt64

    struct Cold {
        let copySeconds: Double
        let mergeSeconds: Double
    }

    /// By whichever way of copying is the faster.
    var copySeconds: Double { min(memcpySeconds, streamSeconds) }
    var copyMethod: PlainCopy.Method { streamSeconds < memcpySeconds ? .stream : .memcpy }
    var ofCopy: Double { copySeconds / mergeSeconds }
    /// What no merge can be faster than: the copy, or the arithmetic if that takes longer.
    var rooflineSeconds: Double { max(copySeconds, Double(multiplyAdds) / peak) }
    var ofRoofline: Double { rooflineSeconds / mergeSeconds }

    private static let columns = [
        ("algorithm", 11), ("rank", 4), ("threads", 7), ("MB", 6), ("multiply-adds / element", 23), ("copy ms", 8),
        ("copied by", 9), ("merge ms", 8), ("GB/s", 5), ("of copy", 7), ("of memcpy", 9), ("roofline ms", 11),
        ("of roofline", 11),
        ("kept ms", 7), ("kept of copy", 12), ("cold copy ms", 12), ("cold merge ms", 13), ("of cold copy", 12),
        ("checksum", 16),
    ]

    static var heading: String {
        line(columns.map(\.0)) + "\n|" + columns.map { String(repeating: "-", count: $0.1 + 2) + "|" }.joined()
    }

    var row: String {
        Self.line([
            algorithm, rank.map(String.init) ?? "", String(threads), (Double(bytes) / 1e6).text(1),
            (Double(multiplyAdds) / Double(max(elements, 1))).text(1), (copySeconds * 1e3).text(2), copyMethod.rawValue,
            (mergeSeconds * 1e3).text(2), (Double(bytes) / mergeSeconds / 1e9).text(2), ofCopy.text(2),
            (memcpySeconds / mergeSeconds).text(2),
            (rooflineSeconds * 1e3).text(2), ofRoofline.text(2), (keptSeconds * 1e3).text(2),
            (copySeconds / keptSeconds).text(2), (cold.map { ($0.copySeconds * 1e3).text(1) }) ?? "",
            (cold.map { ($0.mergeSeconds * 1e3).text(1) }) ?? "",
            (cold.map { ($0.copySeconds / $0.mergeSeconds).text(2) }) ?? "", String(checksum, radix: 16),
        ])
    }

    /// Of all touched tensors.
    let elements: Int

    private static func line(_ cells: [String]) -> String {
        "| "
            + zip(cells, columns).map { cell, column in
                cell.padded(column.1, right: column.0 != "algorithm" && column.0 != "copied by")
            }.joined(separator: " | ") + " |"
    }

    var json: JSON {
        [
            "algorithm": .string(algorithm), "rank": rank.map { JSON($0) } ?? .null, "threads": JSON(threads),
            "tensors": JSON(tensors), "bytes": JSON(bytes), "elements": JSON(elements),
            "multiply_adds": JSON(multiplyAdds), "peak_multiply_adds_per_second": JSON(peak),
            "memcpy_seconds": JSON(memcpySeconds), "stream_seconds": JSON(streamSeconds),
            "merge_seconds": JSON(mergeSeconds), "kept_seconds": JSON(keptSeconds), "of_copy": JSON(ofCopy),
            "roofline_seconds": JSON(rooflineSeconds),
            "of_roofline": JSON(ofRoofline), "cold_copy_seconds": cold.map { JSON($0.copySeconds) } ?? .null,
            "cold_merge_seconds": cold.map { JSON($0.mergeSeconds) } ?? .null,
            "checksum": .string(String(checksum, radix: 16)),
        ]
    }
}
