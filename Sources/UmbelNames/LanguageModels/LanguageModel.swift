/// What a base's configuration adds to the names of a component that belongs to no diffusion family.
struct LanguageModel {
    let catalog: BaseCatalog

    /// Modules under every name that libraries, loaders and older adapters give them (names.md 13).
    func names(_ list: ModuleList, _ component: Component) -> NamedModules {
        var modules = NamedModules(list)
        let experts = ExpertFinder(component: component.name, modelType: catalog.modelType).modules(list)
        for (path, views) in experts { modules.addCanonical(path, views) }
        FusedProjection.add(to: &modules, modelType: catalog.modelType, heads: catalog.heads)
        for dialect in Dialect.all where dialect.applies(component.names) { modules.add(spellings: dialect.spellings) }
        if catalog.tiesEmbeddings { TiedEmbedding.addHead(to: &modules) }
        return modules
    }

    /// Expert stacks, under their own path and under the one that other versions of the library use.
    func experts(_ list: ModuleList, _ component: Component) -> [String: ExpertStacks] {
        var stacks = ExpertFinder(component: component.name, modelType: catalog.modelType).stacks(list)
        for dialect in Dialect.all where dialect.applies(component.names) {
            let renamed = NamedModules.spelled(stacks, dialect.spellings)
            stacks.merge(renamed) { own, _ in own }
        }
        return stacks
    }
}
