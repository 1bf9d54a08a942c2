import Foundation

/// A folder that goes with the value.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "umbel-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and says where it is.
    @discardableResult
    func write(_ name: String, _ content: Data) throws -> String {
        try content.write(to: URL(filePath: path + "/" + name))
        return path + "/" + name
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path + "/" + name)) }

    /// All files below a folder of it, relative to that folder.
    func files(below folder: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: path + "/" + folder)?.compactMap { $0 as? String } ?? []
        return all.filter { !isFolder(folder + "/" + $0) }.sorted()
    }

    private func isFolder(_ name: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder) && isFolder.boolValue
    }
}

/// The test waited for something that did not come, or got what it cannot read.
struct HarnessFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Waits until something is so; every wait of these tests is one of these, or a `poll` on a socket.
func eventually(_ what: String, seconds: Double = 15, _ isSo: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try !isSo() {
        guard ContinuousClock.now < deadline else { throw HarnessFailure("not in \(seconds) s: \(what)") }
        usleep(5_000)
    }
}
