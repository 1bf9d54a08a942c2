import Foundation
import UmbelModels

/// A pipeline's folder, or what lies beside a file.
struct FolderOnDisk: ModelFolder {
    let path: String

    func file(_ name: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(filePath: "\(path)/\(name)"))).map(Array.init)
    }
}

/// Nothing lies beside the file.
struct EmptyFolder: ModelFolder {
    func file(_ name: String) -> [UInt8]? { nil }
}
