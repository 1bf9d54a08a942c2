import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

/// Where models and numbers of other programs lie.
enum TestFiles {
    static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
    /// The trained pipeline.
    static let shapes = root + "/demo/bases/shapes-sd"
    static let shapesProbe = root + "/Tests/Goldens/models/shapes-sd/probe.safetensors"
    /// Tiny pipelines of random weights.
    static let drawing = root + "/Tests/DrawingFixtures"
}

/// Numbers that another program computed, and how far from them ours may be.
struct Golden {
    let file: SafetensorsFile

    init(_ path: String) throws {
        file = try SafetensorsFile(path: path)
    }

    func view(_ name: String) throws -> TensorView { try #require(file.view(name), "no golden \(name)") }

    func has(_ name: String) -> Bool { file.view(name) != nil }

    /// (batch, channels, height, width)
    func map(_ name: String) throws -> FeatureMap {
        let view = try view(name)
        try #require(view.shape.count == 4)
        return FeatureMap(
            planes: view.values(), batch: view.shape[0], channels: view.shape[1], height: view.shape[2],
            width: view.shape[3])
    }

    /// All but the last axis as rows.
    func matrix(_ name: String) throws -> Matrix {
        let view = try view(name)
        return view.matrix(rows: view.elementCount / (view.shape.last ?? 1))
    }

    /// All but the last axis as lists.
    func lists(_ name: String) -> [[Float]]? {
        guard let matrix = try? matrix(name) else { return nil }
        return (0..<matrix.rows).map { row in (0..<matrix.columns).map { matrix[row, $0] } }
    }

    /// Of any type.
    func numbers(_ name: String) throws -> [Double] {
        let view = try view(name)
        return (0..<view.elementCount).map(view.number)
    }

    func rows(_ name: String) throws -> [[Int]] {
        let width = try view(name).shape.last ?? 1
        let numbers = try numbers(name).map { Int($0) }
        return stride(from: 0, to: numbers.count, by: width).map { Array(numbers[$0..<$0 + width]) }
    }

    /// Compares a map with the tensor of that name, if there is one.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    func compare(_ map: FeatureMap, _ name: String, limit: Float) throws -> Bool {
        guard has(name) else { return false }
        let found = map.height == 1 && map.width == 1 ? map.values.values : map.planes()
        try compare(found, name, limit: limit)
        return true
    }

    func compare(_ found: [Float], _ name: String, limit: Float) throws {
        let expected = try view(name).values()
        try #require(found.count == expected.count, "\(name): \(found.count) numbers, not \(expected.count)")
        let (index, difference) = zip(found, expected).enumerated().reduce((0, Float(0))) { worst, pair in
            let difference = abs(pair.element.0 - pair.element.1)
            return difference > worst.1 || !difference.isFinite ? (pair.offset, difference) : worst
        }
        #expect(difference < limit, "\(name)[\(index)] is \(found[index]), not \(expected[index])")
    }
}

extension ComponentFiles {
    static func unet(_ folder: String) throws -> UNet {
        try UNet(UNetConfiguration(json("config.json", in: folder)), Weights(weights(in: folder)))
    }

    static func autoencoder(_ folder: String) throws -> AutoencoderKL {
        try AutoencoderKL(VAEConfiguration(json("config.json", in: folder)), Weights(weights(in: folder)))
    }

    static func textModel(_ folder: String) throws -> CLIPTextModel {
        try CLIPTextModel(CLIPTextConfiguration(json("config.json", in: folder)), Weights(weights(in: folder)))
    }
}
