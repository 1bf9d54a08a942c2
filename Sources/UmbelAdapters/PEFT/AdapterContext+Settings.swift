internal import UmbelFormats
internal import UmbelNames
internal import UmbelTensor

/// Settings that a formula cannot do without.
extension AdapterContext {
    /// - Throws: `settingsMissing` naming what only the settings tell, if there are none.
    func requireConfig(_ module: ModuleFactors, for what: String) throws(ModuleError) -> PEFTConfig {
        guard let config = config(for: module.stem) else {
            throw .settingsMissing(module: module.stem, keys: module.allKeys, setting: what)
        }
        return config
    }

    /// A number of the settings.
    func requireNumber(_ field: String, _ module: ModuleFactors) throws(ModuleError) -> Double {
        let config = try requireConfig(module, for: field)
        guard let value = config.number(field) else {
            throw .notMergeable(module: module.stem, reason: "adapter_config.json has no number \(field)")
        }
        return value
    }
}

extension PEFTConfig {
    func number(_ field: String) -> Double? { fields[field]?.double.flatMap { $0.isFinite ? $0 : nil } }
    func flag(_ field: String) -> Bool { fields[field]?.bool ?? false }
}

extension Target {
    /// The bias that is changed like the weight's rows, if the layer has one.
    func bias(beside weight: TargetView, _ module: ModuleFactors) throws(ModuleError) -> TargetView? {
        guard let bias else { return nil }
        guard bias.rows == weight.rows, bias.columns == 1 else {
            throw .shapeMismatch(module: module.stem, key: "bias", shape: bias.shape, expected: "[\(weight.rows)]")
        }
        return bias
    }
}
