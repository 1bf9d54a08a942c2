import Testing
import UmbelPOSIX
import UmbelRegistry

@Suite("The registry's database")
struct DatabaseTests {
    @Test("waits for the disk at every commit")
    func isSynchronous() throws {
        let folder = "/tmp/umbel-registry-\(UInt64.random(in: 0 ... .max))"
        try Directory.create(folder)
        defer { try? Directory.removeTree(folder) }
        #expect(try RegistryDatabase(path: folder + "/registry.sqlite").synchronous == 2)
    }

    @Test("opens twice, one after the other")
    func reopens() throws {
        let folder = "/tmp/umbel-registry-\(UInt64.random(in: 0 ... .max))"
        try Directory.create(folder)
        defer { try? Directory.removeTree(folder) }
        _ = try RegistryDatabase(path: folder + "/registry.sqlite")
        _ = try RegistryDatabase(path: folder + "/registry.sqlite")
    }
}
