import Foundation
import UmbelClient
import UmbelPOSIX

/// A file that goes with the value.
final class ScratchFile {
    let path = FileManager.default.temporaryDirectory.appending(path: "umbel-client-\(UUID().uuidString)").path
    let content: [UInt8]

    /// Bytes that repeat after no round number.
    init(bytes: Int) throws {
        let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 251) }
        var content: [UInt8] = []
        content.reserveCapacity(bytes)
        while content.count < bytes { content += block.prefix(bytes - content.count) }
        self.content = content
        try Data(content).write(to: URL(filePath: path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var file: UploadFile { get throws { try UploadFile(path: path) } }
    var sha256: String { content.withUnsafeBytes { SHA256.hex(of: $0) } }
}
