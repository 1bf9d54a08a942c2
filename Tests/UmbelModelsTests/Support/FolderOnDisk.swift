import Foundation
import UmbelModels

/// A pipeline's folder.
struct FolderOnDisk: ModelFolder {
    let path: String

    var isSingleFile: Bool { false }

    func file(_ name: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(filePath: "\(path)/\(name)"))).map(Array.init)
    }
}
