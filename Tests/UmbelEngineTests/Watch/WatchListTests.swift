import Testing
import UmbelEngine

@testable import UmbelPOSIX

@Suite("What a watched folder takes in")
struct WatchListTests {
    private let folder = [1, 2].map { OpenFolder.Entry(kind: .file, bytes: $0, modified: $0, inode: 1) }

    private func states(_ list: WatchList) -> [String] {
        list.all.map { path, outcome in
            switch outcome {
            case nil: "\(path) waits"
            case .added: "\(path) added"
            case .unchanged: "\(path) unchanged"
            case .refused: "\(path) refused"
            }
        }
    }

    @Test("A file is ready when two looks find it the same, and not again before it changes")
    func settling() {
        var list = WatchList()
        #expect(list.look(["a": [folder[0]]]) == [])
        #expect(states(list) == ["a waits"])
        #expect(list.look(["a": [folder[1]]]) == [], "it is being written")
        #expect(list.look(["a": [folder[1]], "b": [folder[0]]]) == ["a"])
        list.judge("a", .added(name: "a", digest: "0"))
        #expect(list.look(["a": [folder[1]], "b": [folder[0]]]) == ["b"])
        list.judge("b", .refused(.noBaseFits))
        #expect(states(list) == ["a added", "b refused"])
        #expect(list.look(["a": [folder[0]], "b": [folder[0]]]) == [])
        #expect(states(list) == ["a waits", "b refused"], "a replaced file waits again")
        #expect(list.look(["a": [folder[0]]]) == ["a"])
        #expect(states(list) == ["a waits"], "a file that went is forgotten")
    }

    @Test("What failed for a reason outside of the file is tried again")
    func retrying() {
        var list = WatchList()
        _ = list.look(["a": [folder[0]]])
        #expect(list.look(["a": [folder[0]]]) == ["a"])
        list.judge("a", .refused(.registry(.diskFull)))
        #expect(list.look(["a": [folder[0]]]) == ["a"])
        list.judge("a", .refused(.noBaseFits))
        #expect(list.look(["a": [folder[0]]]) == [])
    }

    @Test("The name of a path is its own without the ending, with what names do not have as hyphens")
    func names() throws {
        for (path, name) in [
            ("ink.safetensors", "ink"), ("my ink.safetensors", "my-ink"), ("folder", "folder"), ("_x", "x"),
            ("(v1) ink.safetensors", "v1--ink"),
            (String(repeating: "a", count: 200), String(repeating: "a", count: 96)),
        ] { #expect(try WatchedFolder.name(of: path) == name, "\(path)") }
        for path in [".safetensors", "---", "ä"] {
            #expect(throws: EngineError.self) { try WatchedFolder.name(of: path) }
        }
    }
}
