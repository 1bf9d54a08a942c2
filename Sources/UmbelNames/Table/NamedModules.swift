/// All names of one component's modules: both namings, other spellings, and names that only adapters use.
///
/// Built from the base's own list, never from a table of known models (names.md 1). A module that no rule mentions has
/// the same name in both namings.
struct NamedModules: Sendable {
    private(set) var canonical: [String: ModuleViews] = [:]
    private(set) var original: [String: ModuleViews] = [:]
    /// Consulted when neither naming has the name.
    private(set) var aliases: [String: ModuleViews] = [:]

    /// A component of no known family has only canonical names.
    init(_ list: ModuleList) {
        canonical = list.modules
    }

    init(_ list: ModuleList, family: Family, isOriginal: Bool, names: TensorNames) {
        let links = family.links(names, isOriginal)
        if isOriginal {
            original = list.modules
            canonical = Self.canonical(of: list, links)
            add(spellings: family.spellings)
            // A family may have several original namings (HunyuanVideo): the base's own one is not all.
            original.merge(Self.original(of: canonical, [:], links)) { own, _ in own }
        } else {
            canonical = list.modules
            add(spellings: family.spellings)
            original = Self.original(of: canonical, list.parameters, links)
        }
        add(aliases: family.aliases(names, isOriginal))
        if family.role == .denoiser { addProcessorNames() }
    }

    /// Rules read from left to right: every original module is renamed, cut or turned.
    private static func canonical(of list: ModuleList, _ links: [Link]) -> [String: ModuleViews] {
        var tree = PatternTree<Link>()
        for link in links { tree.insert(link.original, link) }
        var canonical: [String: ModuleViews] = [:]

        func apply(_ links: [Link], _ bindings: PathBindings, _ views: ModuleViews) {
            for link in links {
                guard link.canonical.count > 1 else {
                    for path in link.canonical { canonical[path.path(bindings)] = link.changed(views) }
                    continue
                }
                let ranges = views.weight.flatMap { weight in
                    link.split.ranges(parts: link.canonical.count, weight: weight) { sibling in
                        list.modules[sibling.path(bindings)]?.weight?.rowCount
                    }
                }
                for (path, rows) in zip(link.canonical, ranges ?? []) {
                    canonical[path.path(bindings)] = views.rows(rows)
                }
            }
        }
        var unmatched: [String: ModuleViews] = [:]
        for (path, views) in list.modules {
            if let (links, bindings) = tree.match(path) {
                apply(links, bindings, views)
            } else {
                unmatched[path] = views
            }
        }
        for (path, stack) in list.parameters {
            if let (links, bindings) = tree.match(path) { apply(links, bindings, ModuleViews(weight: stack)) }
        }
        return canonical.merging(unmatched) { ruled, _ in ruled }
    }

    /// Rules read from right to left: canonical modules are renamed, turned back, or stacked once all parts are there.
    private static func original(
        of canonical: [String: ModuleViews], _ parameters: [String: RowStack], _ links: [Link]
    ) -> [String: ModuleViews] {
        var tree = PatternTree<(link: Int, part: Int)>()
        for (number, link) in links.enumerated() {
            for (part, pattern) in link.canonical.enumerated() { tree.insert(pattern, (number, part)) }
        }
        var original: [String: ModuleViews] = [:]
        var unmatched: [String: ModuleViews] = [:]
        var fused: [String: [Int: ModuleViews]] = [:]
        var partCounts: [String: Int] = [:]

        func apply(_ places: [(link: Int, part: Int)], _ bindings: PathBindings, _ views: ModuleViews) {
            for (number, part) in places {
                let link = links[number]
                let path = link.original.path(bindings)
                if link.canonical.count == 1 {
                    original[path] = link.changed(views)
                } else {
                    fused[path, default: [:]][part] = views
                    partCounts[path] = link.canonical.count
                }
            }
        }
        for (path, views) in canonical {
            if let (places, bindings) = tree.match(path) {
                apply(places, bindings, views)
            } else {
                unmatched[path] = views
            }
        }
        for (path, stack) in parameters {
            if let (places, bindings) = tree.match(path) { apply(places, bindings, ModuleViews(weight: stack)) }
        }
        for (path, parts) in fused where parts.count == partCounts[path] {
            original[path] = .stacked(parts.sorted { $0.key < $1.key }.map(\.value))
        }
        return original.merging(unmatched) { ruled, _ in ruled }
    }

    mutating func add(spellings: [Family.Spelling]) {
        for (path, views) in Self.spelled(canonical, spellings) { addCanonical(path, views) }
    }

    /// The values under the other spelling of their path, where there is one.
    static func spelled<Value>(_ values: [String: Value], _ spellings: [Family.Spelling]) -> [String: Value] {
        guard !spellings.isEmpty else { return [:] }
        var tree = PatternTree<PathPattern>()
        for spelling in spellings {
            tree.insert(spelling.first, spelling.second)
            tree.insert(spelling.second, spelling.first)
        }
        var spelled: [String: Value] = [:]
        for (path, value) in values {
            guard let (others, bindings) = tree.match(path) else { continue }
            for other in others { spelled[other.path(bindings)] = value }
        }
        return spelled
    }

    private mutating func add(aliases rules: [Family.Alias]) {
        guard !rules.isEmpty else { return }
        let links = rules.map { Link(original: $0.name, canonical: $0.canonical, change: .none, split: .equal) }
        let named = Self.original(of: canonical, [:], links)
        for (path, views) in named where canonical[path] == nil { addAlias(path, views) }
    }

    /// diffusers before 0.22 hung the factors on the attention's processor: `attn1.processor.to_q_lora`. Its
    /// `to_out_lora` means `to_out.0` (names.md 6).
    private mutating func addProcessorNames() {
        for (path, views) in canonical {
            for projection in ["to_q", "to_k", "to_v", "to_out.0", "add_k_proj", "add_v_proj"] {
                guard path.hasSuffix(projection), path.utf8.dropLast(projection.utf8.count).last == UInt8(ascii: ".")
                else { continue }
                let attention = path.dropLast(projection.utf8.count)
                addAlias("\(attention)processor.\(projection == "to_out.0" ? "to_out" : projection)_lora", views)
            }
        }
    }

    mutating func addCanonical(_ path: String, _ views: ModuleViews) {
        if canonical[path] == nil { canonical[path] = views }
    }

    mutating func addAlias(_ path: String, _ views: ModuleViews) {
        if canonical[path] == nil, original[path] == nil { aliases[path] = views }
    }
}

extension Link {
    /// The one canonical module's tensors from the original's, or the other way round: every change undoes itself.
    func changed(_ views: ModuleViews) -> ModuleViews {
        switch change {
        case .none: views
        case .halvesSwapped: views.halvesSwapped()
        case .transposed: views.transposed()
        }
    }
}
