/// From an adapter's stems to targets in one base.
///
/// Built once from the base's own list of tensors (names.md 1): both namings of every component, and every prefix an
/// adapter may put before them. A stem is looked up whole; nothing is split or guessed.
package struct NameTable: Sendable {
    /// Stored tensors that must change alike.
    package let tied: TiedTensors?
    /// Weights that other tensors beside them scale: a target made of one cannot be merged, its neighbours can.
    package let quantized: Set<Int>
    /// What the user's prefixes were said to mean, but the base does not have.
    package let unknownPlaces: [String]

    let components: [Component]
    private let lists: [ModuleList]
    let indices: [ComponentIndex]
    private let prefixes: [StemPrefix]
    private let experts: [String: ExpertStacks]
    /// Edits to try on each component; empty for diffusion models, whose adapters always say the whole path.
    private let edits: [[PrefixEdit]]

    /// - Parameter prefixes: what the user says a prefix means: stems that begin with the left side and `_` or `.` are
    ///   looked up in the component, or under the dotted prefix of a single file, on the right. An empty right side is
    ///   the whole base.
    package init(catalog: BaseCatalog, prefixes given: [(String, String)] = []) {
        var components = Component.all(of: catalog)
        let builtIn = StemPrefix.all(for: components, classes: catalog.componentClasses)
        let custom = given.flatMap { Self.prefix($0, means: $1, &components, catalog) }

        let language = LanguageModel(catalog: catalog)
        var lists: [ModuleList] = []
        var indices: [ComponentIndex] = []
        var edits: [[PrefixEdit]] = []
        var experts: [String: ExpertStacks] = [:]
        for component in components {
            let conv1D = Conv1D(modelType: catalog.modelType, names: component.names)
            let list = ModuleList(component.names, of: catalog.tensors, transposed: conv1D.stores)
            let modules: NamedModules
            if let family = component.family {
                modules = NamedModules(list, family: family, isOriginal: component.isOriginal, names: component.names)
            } else {
                modules = language.names(list, component)
                experts.merge(language.experts(list, component)) { first, _ in first }
            }
            lists.append(list)
            indices.append(ComponentIndex(component: component.name, modules: modules))
            let isLanguageModel =
                component.family == nil && (catalog.modelType != nil || component.names.areOfLanguageModel)
            edits.append(isLanguageModel ? PrefixEdit.candidates(for: modules) : [])
        }
        self.components = components
        self.lists = lists
        self.indices = indices
        self.edits = edits
        self.experts = experts
        let replaced = Set(custom.map(\.text))
        prefixes = (custom + builtIn.filter { !replaced.contains($0.text) })
            .enumerated()
            .sorted { ($1.element.text.utf8.count, $0.offset) < ($0.element.text.utf8.count, $1.offset) }
            .map(\.element)
        unknownPlaces = given.map(\.1).filter { right in
            components.contains { $0.name == right && $0.names.index.isEmpty }
        }
        quantized = Set(components.flatMap { $0.names.quantizedWeights })
        tied = catalog.tiesEmbeddings ? components.lazy.compactMap { TiedEmbedding.pair(in: $0.names) }.first : nil
    }

    /// The targets of a whole file's stems, in their order. Together, because a language model's prefix is edited in one
    /// way for all of them.
    package func resolve(_ stems: [String]) -> [Resolution] {
        var found = stems.map { hits($0, edited: nil) }
        let missing = found.indices.filter { found[$0].isEmpty }
        if !missing.isEmpty, let edit = edit(for: missing.map { stems[$0] }) {
            for index in missing { found[index] = hits(stems[index], edited: edit) }
        }
        var search = NearestSearch(prefixes: prefixes, indices: indices)
        return zip(stems, found).map { stem, hits in
            switch hits.count {
            case 0: .none(nearest: search.nearest(to: stem))
            case 1: .target(hits[0].views.target(component: hits[0].component, module: hits[0].module))
            default: .ambiguous(Self.described(hits))
            }
        }
    }

    /// The experts that `….mlp.experts` means, or nil if there are none under that path.
    package func experts(_ stem: String) -> ExpertStacks? {
        for path in dottedPaths(stem) {
            if let stacks = experts[path] { return stacks }
            for edit in Set(edits.joined()).sorted(by: { ($0.removed, $0.added) < ($1.removed, $1.added) }) {
                if let stacks = edit.applied(to: path, .dotted).flatMap({ experts[$0] }) { return stacks }
            }
        }
        return nil
    }

    /// A parameter that is no module's weight or bias (`self_attn.sinks`), by its full path in the base's own naming.
    package func parameter(_ stem: String) -> Target? {
        for path in dottedPaths(stem) {
            for (list, component) in zip(lists, components) {
                guard let stack = list.parameters[path] else { continue }
                return ModuleViews(weight: stack).target(component: component.name, module: path)
            }
        }
        return nil
    }

    // MARK: Looking up

    /// What a stem means, in the order of names.md 4: with its prefix, then bare. Several hits are an ambiguity.
    private func hits(_ stem: String, edited edit: PrefixEdit?) -> [ComponentIndex.Hit] {
        for prefix in prefixes where stem.hasPrefix(prefix.text) {
            let path = String(stem.dropFirst(prefix.text.count))
            let found = hits(path, prefix, edit)
            if !found.isEmpty { return found }
            // Wan-Fun files double the underscore after the prefix.
            if prefix.text == "lora_unet_", path.hasPrefix("_") {
                let found = hits(String(path.dropFirst()), prefix, edit)
                if !found.isEmpty { return found }
            }
        }
        return bareHits(stem, edit)
    }

    /// A path without any prefix: canonical names of all components first, then original ones, then those that only
    /// adapters use. It has to be unique among them.
    private func bareHits(_ stem: String, _ edit: PrefixEdit?) -> [ComponentIndex.Hit] {
        for names in [\NamedModules.canonical, \.original, \.aliases] as [KeyPath<NamedModules, [String: ModuleViews]>]
        {
            let found = indices.indices.compactMap { component -> ComponentIndex.Hit? in
                let index = indices[component]
                guard let path = edited(stem, edit, component, .dotted), let views = index.modules[keyPath: names][path]
                else { return nil }
                return ComponentIndex.Hit(component: index.component, module: path, views: views)
            }
            if !found.isEmpty { return found }
        }
        return []
    }

    private func edited(
        _ path: String, _ edit: PrefixEdit?, _ component: Int, _ style: StemPrefix.Style
    ) -> String? {
        guard let edit, !edits[component].isEmpty else { return path }
        return edit.applied(to: path, style)
    }

    private func hits(_ path: String, _ prefix: StemPrefix, _ edit: PrefixEdit?) -> [ComponentIndex.Hit] {
        for group in prefix.components {
            var found: [ComponentIndex.Hit] = []
            for component in group {
                guard let path = edited(path, edit, component, prefix.style) else { continue }
                for hit in indices[component].hits(path, prefix.style, preferred: prefix.preferred)
                // The same tensors under two spellings are one target.
                where !found.contains(where: { $0.component == hit.component && $0.views == hit.views }) {
                    found.append(hit)
                }
            }
            if !found.isEmpty { return found }
        }
        return []
    }

    /// The edit that finds most of the stems. Those that only another edit finds stay unknown: one file, one edit.
    private func edit(for stems: [String]) -> PrefixEdit? {
        var best: (edit: PrefixEdit, count: Int)?
        var tried: Set<PrefixEdit> = []
        for edit in edits.joined() where tried.insert(edit).inserted {
            let count = stems.count { !hits($0, edited: edit).isEmpty }
            if count > best?.count ?? 0 { best = (edit, count) }
        }
        return best?.edit
    }

    private static func described(_ hits: [ComponentIndex.Hit]) -> [String] {
        let several = Set(hits.map(\.component)).count > 1
        return hits.map { several ? "\($0.component)/\($0.module)" : $0.module }.sorted()
    }

    /// The dotted paths a stem may stand for: without each prefix it begins with, and as it is.
    private func dottedPaths(_ stem: String) -> [String] {
        prefixes.filter { $0.style == .dotted && stem.hasPrefix($0.text) }
            .map { String(stem.dropFirst($0.text.count)) } + [stem]
    }

    // MARK: Prefixes from the user

    private static func prefix(
        _ left: String, means right: String, _ components: inout [Component], _ catalog: BaseCatalog
    ) -> [StemPrefix] {
        let places: [Int]
        if right.isEmpty {
            places = Array(components.indices)
        } else if let index = components.firstIndex(where: { $0.name == right }) {
            places = [index]
        } else {
            let inside = catalog.tensors.enumerated().filter {
                $0.element.component.isEmpty && $0.element.name.hasPrefix(right + ".")
            }
            let names = inside.map { (String($0.element.name.dropFirst(right.count + 1)), $0.offset) }
            components.append(
                Component(name: right, prefix: right + ".", names: TensorNames(names, in: catalog.tensors)))
            places = [components.count - 1]
        }
        return [("_", StemPrefix.Style.mangled), (".", .dotted)].map { mark, style in
            StemPrefix(text: left + mark, style: style, components: [places], preferred: .canonical)
        }
    }
}
