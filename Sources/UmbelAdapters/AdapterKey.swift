/// A key of an adapter file, cut into the module it belongs to and the role of the tensor there.
package struct AdapterKey: Hashable, Sendable {
    /// The key without suffix, as the file spells it. PEFT's wrapper parts (`base_layer`) are still in it.
    package let stem: String
    /// nil if no algorithm knows the suffix.
    package let role: Role?

    /// Cuts at the longest known suffix (names.md 3). A name without dots, as kohya and LyCORIS mangle them, ends at its
    /// first dot, so that a suffix nobody knows still belongs to its module.
    package init(_ key: String) {
        let asItIs = Self.split(key)
        if let (stem, role) = asItIs, !Self.isPlain(role) {
            self.init(stem: stem, role: role)
        } else if let (stem, role) = Self.withoutAdapterName(key).flatMap(Self.split), !Self.isPlain(role) {
            self.init(stem: stem, role: role)
        } else if let (stem, role) = asItIs {
            self.init(stem: stem, role: role)
        } else if let dot = key.firstIndex(of: "."), Self.isMangled(key[..<dot]) {
            self.init(stem: String(key[..<dot]), role: nil)
        } else {
            self.init(stem: key, role: nil)
        }
    }

    private init(stem: String, role: Role?) {
        self.stem = stem
        self.role = role
    }

    private static func split(_ key: String) -> (stem: String, role: Role)? {
        for (suffix, role) in AlgorithmList.spellings where key.hasSuffix(suffix) {
            let rest = key.dropLast(suffix.count)
            guard rest.last == "." else { continue }
            let stem = String(rest.dropLast())
            // Of anything but a norm, `scale` is no parameter.
            if role == SetWeight.scale, !SetWeight.isNorm(stem) { continue }
            if (suffix == "down.weight" || suffix == "up.weight"), !endsLikeProcessor(stem) { continue }
            return (stem, role)
        }
        return nil
    }

    /// Old diffusers files write `….processor.to_q_lora.down.weight`; elsewhere `down` is a module's own name.
    private static func endsLikeProcessor(_ stem: String) -> Bool {
        ["_lora", "_lora1", "_lora2"].contains(where: stem.hasSuffix)
    }

    /// Any key ends in these: `….lora_A.default.weight` is a factor all the same, not a module's whole weight.
    private static func isPlain(_ role: Role) -> Bool { role == .weight || role == .bias }

    /// PEFT dumps of a live model keep the adapter's name: `….lora_A.default.weight`, `….ia3_l.default`.
    private static func withoutAdapterName(_ key: String) -> String? {
        var parts = key.split(separator: ".", omittingEmptySubsequences: false)
        let hasParameter = parts.last == "weight" || parts.last == "bias"
        let index = parts.count - (hasParameter ? 2 : 1)
        guard index > 1 else { return nil }
        parts.remove(at: index)
        return parts.joined(separator: ".")
    }

    /// Names in which every dot of the module path became an underscore.
    private static func isMangled(_ name: Substring) -> Bool {
        ["lora_", "lycoris_", "oft_unet"].contains(where: name.hasPrefix)
    }

    /// A stem as a module's name: PEFT's wrapper structure is no part of it.
    package static func module(ofStem stem: String) -> String {
        guard stem.holds("base_layer") else { return stem }
        return stem.split(separator: ".").filter { $0 != "base_layer" }.joined(separator: ".")
    }
}
