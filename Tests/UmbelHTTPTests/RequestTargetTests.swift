import Testing
import UmbelHTTP

struct RequestTargetTests {
    @Test(
        "A path is split before it is decoded, once",
        arguments: [
            ("/", [], false), ("/a", ["a"], false), ("/a/", ["a"], true), ("/a//b", ["a", "", "b"], false),
            ("/a%2Fb/c", ["a/b", "c"], false), ("/%2541", ["%41"], false), ("/a+b%2b", ["a+b+"], false),
            ("/sd+ink:0.8+tilt@3f:-0.5", ["sd+ink:0.8+tilt@3f:-0.5"], false), ("http://h/x/", ["x"], true),
            ("http://h?q", [], false), ("/%C3%A9", ["é"], false), ("//", [""], true), ("/...", ["..."], false),
        ] as [(String, [String], Bool)])
    func paths(target: String, path: [String], hasTrailingSlash: Bool) throws {
        let location = try RequestTarget(target.utf8)
        #expect(location.path == path)
        #expect(location.hasTrailingSlash == hasTrailingSlash)
    }

    @Test("A query is a list of decoded pairs in the order sent")
    func query() throws {
        let location = try RequestTarget("/?a=1&b&a=x%26y+z&&=v&c=d=e".utf8)
        #expect(location.query.map(\.name) == ["a", "b", "a", "", "c"])
        #expect(location.query.map(\.value) == ["1", "", "x&y z", "v", "d=e"])
    }
}
