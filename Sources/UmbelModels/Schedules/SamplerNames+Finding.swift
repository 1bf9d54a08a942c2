extension SamplerNames {
    /// The configuration that draws with a sampler what another one was made for: βs and what the model answers stay.
    ///
    /// - Parameters:
    ///   - sampler: a name or an alias, in any case; "DPM++ 2M Karras" and the like name the schedule too. Or the name of a
    ///     class of diffusers, which keeps all settings, as switching classes does there. nil keeps the base's.
    ///   - schedule: the label or name of a spacing; nil and "Automatic" leave it to the sampler.
    /// - Throws: `unknownSampler`, `unknownSpacing`, and `spacing` where the sampler has none such.
    package static func config(
        sampler name: String?, schedule: String? = nil, from base: ScheduleConfig
    ) throws(ScheduleError) -> ScheduleConfig {
        let wanted = try schedule.map(find(spacing:)) ?? .automatic
        guard let name else { return try respaced(base, wanted) }
        guard !ScheduleList.all.contains(where: { $0.className == name }) else {
            return try respaced(base.changed(to: name, [:]), wanted)
        }
        let (sampler, named) = try find(name)
        let spacing = wanted != .automatic ? wanted : named ?? sampler.automatic
        guard spacing != .automatic else { return base.changed(to: sampler.className, sampler.fields) }
        guard sampler.spacings.contains(spacing) else { throw .spacing(spacing.rawValue, sampler: sampler.name) }
        return base.changed(to: sampler.className, spacing.fields.merging(sampler.fields) { $1 })
    }

    /// A class with its settings, but for the spacing.
    private static func respaced(
        _ config: ScheduleConfig, _ spacing: Spacing
    ) throws(ScheduleError) -> ScheduleConfig {
        guard spacing != .automatic else { return config }
        guard samplers.contains(where: { $0.className == config.className && $0.spacings.contains(spacing) }) else {
            throw .spacing(spacing.rawValue, sampler: config.className)
        }
        return config.changed(to: config.className, spacing.fields)
    }

    private static func find(_ name: String) throws(ScheduleError) -> (sampler: Sampler, spacing: Spacing?) {
        let wanted = name.lowercased()
        if let sampler = sampler(wanted) { return (sampler, nil) }
        for spacing in Spacing.allCases where wanted.hasSuffix(" " + spacing.rawValue.lowercased()) {
            if let sampler = sampler(String(wanted.dropLast(spacing.rawValue.count + 1))) { return (sampler, spacing) }
        }
        throw .unknownSampler(name)
    }

    private static func sampler(_ wanted: String) -> Sampler? {
        samplers.first { $0.name.lowercased() == wanted || $0.aliases.contains(wanted) }
    }

    private static func find(spacing name: String) throws(ScheduleError) -> Spacing {
        let wanted = name.lowercased()
        guard let spacing = Spacing.allCases.first(where: { [$0.name, $0.rawValue.lowercased()].contains(wanted) })
        else { throw .unknownSpacing(name) }
        return spacing
    }
}
