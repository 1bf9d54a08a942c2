internal import UmbelAdapters
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelNames
internal import UmbelRegistry
internal import UmbelTensor

/// Variants and models as JSON.
enum VariantView {
    static func object(_ info: VariantInfo) -> JSON {
        [
            "id": .string(info.variant.id), "model": .string(info.variant.reference.text),
            "state": .string(info.state.rawValue),
            "bytes": ["merged": JSON(info.residentBytes), "shared": JSON(info.variant.sharedBytes)],
            "tensors": [
                "merged": JSON(info.residentTensors), "touched": JSON(info.touchedTensors),
                "total": JSON(info.variant.model.base.weights.views.count),
            ],
            "merge_ms": JSON((info.mergeMilliseconds * 1000).rounded() / 1000), "hits": JSON(info.hits),
            "pinned": .bool(info.pinned), "last_used": .string(info.lastUsed.text),
        ]
    }

    static func model(_ variant: Variant, name: String) -> JSON {
        let base = variant.model.base
        return [
            "id": .string(name), "object": "model", "created": JSON(0), "owned_by": "umbel",
            "root": .string(base.name), "parent": variant.reference.terms.isEmpty ? .null : .string(base.name),
            "variant": .string(variant.id), "base": .string(base.name), "family": JSON(base.recognition.family),
            "recipe": .array(
                variant.reference.terms.map { term in
                    [
                        "adapter": .string(term.adapter), "digest": .string("sha256:" + (term.digestPrefix ?? "")),
                        "scale": JSON(term.scale.value),
                    ]
                }),
            "tensors": ["touched": JSON(variant.model.plan.touched.count), "total": JSON(base.weights.views.count)],
        ]
    }

    static func files(_ variant: Variant) -> JSON {
        [
            "id": .string(variant.id),
            "files": .array(
                variant.model.files.map { file in
                    [
                        "path": .string(file.path), "size": JSON(file.bytes),
                        "etag": .string("\"\(variant.entityTag(of: file.path))\""),
                    ]
                }),
        ]
    }
}
