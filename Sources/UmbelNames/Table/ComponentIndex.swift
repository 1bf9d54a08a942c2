/// The dictionaries of one component: path → module, and mangled path → all modules that mangle to it.
struct ComponentIndex: Sendable {
    let component: String
    let modules: NamedModules
    /// Mangled path → the paths behind it. Mangling cannot be undone, so the dictionary runs from the base to the name.
    private let mangled: [String: [String]]

    init(component: String, modules: NamedModules) {
        self.component = component
        self.modules = modules
        var mangled: [String: [String]] = [:]
        mangled.reserveCapacity(modules.canonical.count + modules.original.count)
        for names in [modules.canonical, modules.original, modules.aliases] {
            for path in names.keys { mangled[path.mangled, default: []].append(path) }
        }
        self.mangled = mangled
    }

    struct Hit: Hashable {
        let component: String
        let module: String
        let views: ModuleViews
    }

    func hits(_ path: String, _ style: StemPrefix.Style, preferred: Naming?) -> [Hit] {
        switch style {
        case .dotted: return hits(module: path, preferred: preferred)
        case .mangled:
            guard let paths = mangled[path] else { return [] }
            if paths.count == 1 { return hits(module: paths[0], preferred: preferred) }
            let real = Set(paths).subtracting(modules.aliases.keys)
            return (real.isEmpty ? Set(paths) : real).sorted().flatMap { hits(module: $0, preferred: preferred) }
        }
    }

    private func hits(module: String, preferred: Naming?) -> [Hit] {
        let canonical = modules.canonical[module], original = modules.original[module]
        let found: [ModuleViews?]
        switch preferred {
        case .canonical: found = [canonical ?? original ?? modules.aliases[module]]
        case .original: found = [original ?? canonical ?? modules.aliases[module]]
        case nil:
            let both = [canonical, original].compactMap { $0 }
            found = both.isEmpty ? [modules.aliases[module]] : both
        }
        return found.compactMap { $0 }.map { Hit(component: component, module: module, views: $0) }
    }

    /// Every name, sorted; for finding the nearest one.
    func names(_ style: StemPrefix.Style) -> [String] {
        switch style {
        case .mangled: mangled.keys.sorted()
        case .dotted: Set(modules.canonical.keys).union(modules.original.keys).union(modules.aliases.keys).sorted()
        }
    }
}
