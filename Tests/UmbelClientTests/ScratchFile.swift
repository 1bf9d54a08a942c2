import Foundation
import UmbelClient
import UmbelPOSIX

/// A file that goes with the value.
final class ScratchFile {
    let path = FileManager.default.temporaryDirectory.appending(path: "umbel-client-\(UUID().uuidString)").path
    let content: [UInt8]

    /// Bytes that repeat after no round number.
    init(bytes: Int) throws {
        content = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 251) }
        try Data(content).write(to: URL(filePath: path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var file: UploadFile { get throws { try UploadFile(path: path) } }
    var sha256: String { content.withUnsafeBytes { SHA256.hex(of: $0) } }
}
