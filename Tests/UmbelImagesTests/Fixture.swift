import Foundation
import Testing
import UmbelImages

/// What Fixtures/make.py wrote. Bytes are base64 there.
enum Fixture {
    /// One of each way to write a file.
    static let encodings: [PictureEncoding] = [.png(), .jpeg(quality: 95), .webp(quality: 95), .webpLossless]

    struct File: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let width: Int
        let height: Int
        let channels: Int
        let file: Data
        let pixels: Data
        let texts: [String: String]?

        var testDescription: String { name }
        var picture: Picture { Picture(width: width, height: height, channels: channels, bytes: [UInt8](pixels)) }
    }

    struct RefusedFile: Decodable, Sendable {
        let name: String
        let file: Data
    }

    struct ByPillow: Decodable {
        let read: [File]
        let refused: [RefusedFile]
    }

    struct ResizedPicture: Decodable {
        let filter: String
        let channels: Int
        let width: Int
        let height: Int
        let pixels: Data
    }

    struct Resized: Decodable {
        let width: Int
        let height: Int
        let sources: [String: Data]
        let results: [ResizedPicture]
    }

    static func pngKinds() throws -> [File] { try load("png-kinds.json") }
    static func byPillow() throws -> ByPillow { try load("pillow.json") }
    static func resized() throws -> Resized { try load("resized.json") }

    private static func load<Content: Decodable>(_ name: String) throws -> Content {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        return try JSONDecoder().decode(Content.self, from: Data(contentsOf: folder.appending(path: name)))
    }
}

extension Picture {
    /// Random samples: what compresses worst.
    static func noise(
        _ width: Int, _ height: Int, _ channels: Int, using generator: inout some RandomNumberGenerator
    ) -> Picture {
        let bytes = (0..<width * height * channels).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return Picture(width: width, height: height, channels: channels, bytes: bytes)
    }

    /// A gradient with a square of another colour in it: what lossy formats keep.
    static func gradient(_ width: Int, _ height: Int, _ channels: Int) -> Picture {
        var bytes: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let inside = x > width / 3 && x < width / 2 && y > height / 3
                let colour = [x * 255 / width, y * 255 / height, inside ? 200 : 60, 255 - x * 100 / width]
                bytes += colour.prefix(channels).map { UInt8($0) }
            }
        }
        return Picture(width: width, height: height, channels: channels, bytes: bytes)
    }

    /// The largest difference of a sample; nil of pictures that cannot be compared.
    func distance(to other: Picture) -> Int? {
        guard width == other.width, height == other.height, channels == other.channels else { return nil }
        return zip(bytes, other.bytes).map { abs(Int($0) - Int($1)) }.max()
    }

    /// The mean difference of a sample.
    func meanDistance(to other: Picture) -> Double {
        let sum = zip(bytes, other.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        return Double(sum) / Double(bytes.count)
    }
}
