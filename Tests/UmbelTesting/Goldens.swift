import Foundation

/// Where the reference results lie, and how they are read.
package enum Goldens {
    package static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens").path

    package static func path(_ relative: String) -> String { folder + "/" + relative }

    /// A JSON file below the folder, decoded.
    package static func decode<Value: Decodable>(_ relative: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: path(relative))))
    }
}
