package import UmbelFormats

/// Why an `adapter_config.json` was refused.
package enum PEFTConfigError: Error, Hashable, Sendable {
    case notJSON(JSONError)
    case notObject
    case wrongType(field: String)
    /// A method that PEFT does not merge, or that Umbel refuses, with the reason.
    case notMergeable(method: String, reason: String)
}

/// PEFT's `adapter_config.json`: the fields that change what a merge gives. Unknown fields are kept and ignored, as
/// newer versions add them freely.
package struct PEFTConfig: Sendable {
    /// Upper case, as PEFT writes it ("LORA").
    package let method: String
    package let rank: Int?
    package let alpha: Double?
    package let rankPattern: [(pattern: PEFTPattern, value: Double)]
    package let alphaPattern: [(pattern: PEFTPattern, value: Double)]
    package let usesRankStabilisedScale: Bool
    /// All fields, for the settings of single methods.
    package let fields: JSON

    package init(parsing bytes: [UInt8]) throws(PEFTConfigError) {
        let value: JSON
        do {
            value = try JSON(parsing: bytes)
        } catch {
            throw .notJSON(error)
        }
        try self.init(fields: value)
    }

    package init(fields: JSON) throws(PEFTConfigError) {
        guard fields.members != nil else { throw .notObject }
        self.fields = fields
        method = (fields["peft_type"]?.string ?? "LORA").uppercased()
        rank = try Self.number(fields, "r").map { Int($0) }
        let loraAlpha = try Self.number(fields, "lora_alpha")
        let otherAlpha = try Self.number(fields, "alpha")
        alpha = loraAlpha ?? otherAlpha
        // AdaLoRA keeps boolean masks under this name; they are applied to the stored tensors already.
        rankPattern = method == "ADALORA" ? [] : try Self.pattern(fields, "rank_pattern")
        alphaPattern = try Self.pattern(fields, "alpha_pattern")
        usesRankStabilisedScale = fields["use_rslora"]?.bool ?? false
        try checkMergeable()
    }

    /// The settings of diffusers' header entry `lora_adapter_metadata`: one object with keys `<component>.<field>`.
    package static func components(header text: String) throws(PEFTConfigError) -> [String: PEFTConfig] {
        let value: JSON
        do {
            value = try JSON(parsing: text)
        } catch {
            throw .notJSON(error)
        }
        guard let members = value.members else { throw .notObject }
        var fields: [String: [JSON.Member]] = [:]
        for member in members {
            guard let dot = member.name.firstIndex(of: ".") else { continue }
            let component = String(member.name[..<dot])
            fields[component, default: []].append(
                .init(String(member.name[member.name.index(after: dot)...]), member.value))
        }
        var configs: [String: PEFTConfig] = [:]
        for (component, members) in fields { configs[component] = try PEFTConfig(fields: .object(members)) }
        return configs
    }

    /// α / r, or α / √r; both as the patterns say for this module, with the rank that its tensors have.
    package func scale(path: String, rank: Int) -> Double {
        let alpha = alphaPattern.first { $0.pattern.matches(path) }?.value ?? self.alpha ?? Double(rank)
        return usesRankStabilisedScale ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
    }

    /// The rank that the settings give a module; nil if they give none.
    package func rank(path: String) -> Int? {
        rankPattern.first { $0.pattern.matches(path) }.map { Int($0.value) } ?? rank
    }

    private static func number(_ fields: JSON, _ name: String) throws(PEFTConfigError) -> Double? {
        guard let value = fields[name], !value.isNull else { return nil }
        guard let number = value.double, number.isFinite, abs(number) < 1e9 else { throw .wrongType(field: name) }
        return number
    }

    /// Steps that all patterns of a field may have together: some ten thousand module paths.
    private static let patternCostLimit = 1 << 20

    private static func pattern(
        _ fields: JSON, _ name: String
    ) throws(PEFTConfigError) -> [(pattern: PEFTPattern, value: Double)] {
        guard let value = fields[name], !value.isNull else { return [] }
        guard let members = value.members else { throw .wrongType(field: name) }
        var result: [(pattern: PEFTPattern, value: Double)] = []
        var cost = 0
        for member in members {
            guard let number = member.value.double, number.isFinite, abs(number) < 1e9 else {
                throw .wrongType(field: "\(name).\(member.name)")
            }
            guard let pattern = PEFTPattern(member.name) else { throw .wrongType(field: "\(name).\(member.name)") }
            // Counted repeats write themselves out, so a few bytes of settings could ask for any amount of memory.
            cost += pattern.cost
            guard cost <= patternCostLimit else { throw .wrongType(field: name) }
            result.append((pattern, number))
        }
        return result
    }
}
