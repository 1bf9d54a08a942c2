import Foundation
import Testing
import UmbelFormats
import UmbelModels

/// One of the tiny pipelines of random weights, ready to draw.
struct TinyPipeline {
    let parts: DiffusionParts
    let networks: DiffusionNetworks

    /// - Parameters:
    ///   - schedule: in place of the folder's own.
    ///   - textWeights: what the networks say of their text encoders.
    init(_ name: String, schedule: ScheduleConfig? = nil, textWeights: String? = nil) throws {
        try self.init(path: "\(TestFiles.drawing)/\(name)", schedule: schedule, textWeights: textWeights)
    }

    init(path: String, schedule: ScheduleConfig? = nil, textWeights: String? = nil) throws {
        let folder = FolderOnDisk(path: path)
        parts = try DiffusionParts(folder, schedule: schedule)
        var sources: [String: TensorsByName] = [:]
        for component in ["text_encoder", "text_encoder_2", "unet", "vae"] {
            let path = "\(folder.path)/\(component)"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            sources[component] = try ComponentFiles.weights(in: path)
        }
        networks = try parts.networks(textWeights: textWeights) { sources[$0] ?? TensorsByName([:]) }
    }
}
