import Foundation
import UmbelFormats
import UmbelModels

/// Files that the tests of texts read.
enum TextFixtures {
    private static let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    /// The tokenizer of the small model in `demo/`.
    static let tokenizerFolder = tests.deletingLastPathComponent()
        .appending(path: "demo/bases/shapes-sd/tokenizer").path

    static func json(_ name: String) throws -> JSON {
        let file = tests.appending(path: "UmbelModelsTests/Fixtures/tokenizer/\(name)")
        return try JSON(parsing: Array(Data(contentsOf: file)))
    }

    static let tokenizer = Result { try CLIPTokenizer(folder: tokenizerFolder) }

    /// The tokenizer's files, some of them with other content.
    static func files(replacing members: [JSON.Member]) throws -> TokenizerFiles {
        var files = try TokenizerFiles(folder: tokenizerFolder)
        for member in members {
            let bytes = Array(member.value.text.utf8)
            switch member.name {
            case "tokenizer_config.json": files.configuration = bytes
            case "special_tokens_map.json": files.specialTokens = bytes
            case "added_tokens.json": files.addedTokens = bytes
            default: throw CocoaError(.fileNoSuchFile)
            }
        }
        return files
    }

    static func tokens(_ value: JSON?) -> [Int32] {
        (value?.array ?? []).compactMap { $0.integer.map(Int32.init) }
    }
}
