import Testing
import UmbelRegistry
import UmbelTesting

@Suite("Recipes of published ids")
struct RecipeStoreTests {
    private func recipe(_ number: Int, dtype: String? = nil) -> RecordedRecipe {
        RecordedRecipe(id: "id-\(number)", reference: "base+a@\(number):0.5", dtype: dtype, created: number)
    }

    @Test("What was remembered is there for whoever opens the file next")
    func durable() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/registry.sqlite"
        let store = RecipeStore(try RegistryDatabase(path: path))
        try store.remember(recipe(1))
        try store.remember(recipe(2, dtype: "BF16"))
        try store.remember(recipe(1))
        let reopened = RecipeStore(try RegistryDatabase(path: path))
        #expect(try reopened.recipe("id-1") == recipe(1))
        #expect(try reopened.recipe("id-2") == recipe(2, dtype: "BF16"))
        #expect(try reopened.recipe("id-3") == nil)
    }

    @Test("The first recipe of an id stays, and the oldest ids go when there are too many")
    func pruned() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/registry.sqlite"
        let store = RecipeStore(try RegistryDatabase(path: path), limit: 3)
        for number in 1...5 { try store.remember(recipe(number)) }
        #expect(try (1...5).map { try store.recipe("id-\($0)") != nil } == [false, false, true, true, true])
    }

    @Test("A chain is what it was set to last")
    func chain() throws {
        let folder = try TemporaryFolder()
        let store = RecipeStore(try RegistryDatabase(path: folder.path + "/registry.sqlite"))
        #expect(try store.chain("default") == nil)
        try store.setChain("default", to: "base+a")
        try store.setChain("default", to: "base+b:0.5")
        #expect(try store.chain("default") == "base+b:0.5")
    }
}
