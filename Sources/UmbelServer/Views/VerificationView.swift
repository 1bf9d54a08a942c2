internal import UmbelEngine
internal import UmbelFormats

/// What verifying found, as JSON.
enum VerificationView {
    static func object(_ report: VerificationReport) -> JSON {
        [
            "ok": .bool(report.isWhole), "bases": .array(report.bases.map(content)),
            "adapters": .array(report.adapters.map(content)),
            "variants": .array(
                report.variants.map { variant in
                    [
                        "id": .string(variant.id), "tensors": JSON(variant.tensors),
                        "mismatches": JSON(variant.mismatches),
                    ]
                }),
            "deltas": ["checked": JSON(report.deltas.checked), "mismatches": JSON(report.deltas.mismatches)],
            "seconds": JSON((report.seconds * 1e6).rounded() / 1e6),
        ]
    }

    /// One entry for each thing that is not what it must be.
    static func errors(_ report: VerificationReport) -> [JSON] {
        let bases = report.bases.filter { !$0.isWhole }.map { base -> JSON in
            ["code": "base_changed", "base": JSON(base.name), "digest": .string("sha256:" + base.digest)]
        }
        let adapters = report.adapters.filter { !$0.isWhole }.map { adapter -> JSON in
            ["code": "adapter_changed", "digest": .string("sha256:" + adapter.digest)]
        }
        let variants = report.variants.filter { !$0.mismatches.isEmpty }.map { variant -> JSON in
            ["code": "variant_damaged", "variant": .string(variant.id), "tensors": JSON(variant.mismatches)]
        }
        let deltas: [JSON] =
            report.deltas.mismatches == 0
            ? [] : [["code": "delta_damaged", "count": JSON(report.deltas.mismatches)]]
        return bases + adapters + variants + deltas
    }

    private static func content(_ content: VerificationReport.Content) -> JSON {
        var members: [JSON.Member] = []
        if let name = content.name { members.append(.init("name", .string(name))) }
        members += [.init("digest", .string("sha256:" + content.digest)), .init("ok", .bool(content.isWhole))]
        return .object(members)
    }
}
