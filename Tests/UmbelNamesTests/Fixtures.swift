import Foundation
import Testing
import UmbelNames

/// Files beside this one; README.md there says where they come from.
enum Fixtures {
    static func data(_ name: String) throws -> Data {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let file = folder.appending(path: name)
        guard name.hasSuffix(".gz") else { return try Data(contentsOf: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gunzip", "-c", file.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data
    }

    static func json(_ name: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data(name)) as? [String: Any])
    }

    /// `[component, name, shape]` rows.
    static func tensors(_ rows: Any?) throws -> [BaseTensor] {
        try #require(rows as? [[Any]]).map { row in
            BaseTensor(
                component: try #require(row[0] as? String), name: try #require(row[1] as? String),
                shape: try #require(row[2] as? [Int]))
        }
    }
}

extension Target {
    /// Names of the base tensors it consists of.
    func tensorNames(in tensors: [BaseTensor]) -> Set<String> {
        let pieces = (weight?.pieces ?? []) + (bias?.pieces ?? [])
        return Set(pieces.map { tensors[$0.tensor].path })
    }
}

extension BaseTensor {
    /// `folder/name` in a pipeline, as the expected files of the goldens write it.
    var path: String { component.isEmpty ? name : "\(component)/\(name)" }
}

extension Resolution {
    var target: Target? {
        if case .target(let target) = self { return target }
        return nil
    }
}

/// A base of small linear layers, for tests of single rules: `("a.weight", [4, 4])`.
func base(_ tensors: [(String, [Int])], component: String = "") -> [BaseTensor] {
    tensors.map { BaseTensor(component: component, name: $0.0, shape: $0.1) }
}

/// The same with shapes that do not matter.
func base(_ names: [String], component: String = "") -> [BaseTensor] {
    names.map { BaseTensor(component: component, name: $0, shape: [4, 4]) }
}
