import UmbelFormats
import UmbelTensor

/// One kind of adapter that is measured: which layers it is for, what it holds for each, and how much arithmetic its merge
/// cannot do without.
struct AdapterCase {
    typealias Layer = ModelShape.Layer

    enum Layers {
        case all, linear, largeKernels, norms
    }

    let name: String
    /// For (IA)³, Full and Norm there is none.
    var isRanked = true
    var layers = Layers.all
    /// Does it hold a value for each weight? Then a merge has to read those from memory too.
    var isDense = false
    /// At most this many bytes of a 16-bit base: for what needs minutes otherwise, or an adapter as large as the base.
    var limit = Int.max
    /// PEFT's `adapter_config.json`; nil for LyCORIS.
    var config: (@Sendable (Int) -> JSON)?
    /// f32 multiply-adds that the merge of one layer at a rank needs, one in f64 counted as two. What depends on the adapter
    /// alone and not on the weight (a rotation made of its parameters) is done once per upload and is not in it.
    let multiplyAdds: @Sendable (Layer, Int) -> Int
    /// Suffix, shape and contents of the tensors of one layer at a rank.
    let factors: @Sendable (Layer, Int) -> [(String, [Int], Fill)]

    static let all: [AdapterCase] = lycoris + peft

    /// Every tensor of the adapter, until its layers have `limit` bytes of a 16-bit base.
    func tensors(for model: ModelShape, rank: Int, limit: Int) -> [GeneratedTensor] {
        chosen(from: model, limit: limit).flatMap { layer in
            factors(layer, rank).map { suffix, shape, fill in
                GeneratedTensor(name: "\(stem(layer, model)).\(suffix)", shape: shape, fill: fill)
            }
        }
    }

    /// Of all layers that `tensors` gives factors to.
    func multiplyAdds(for model: ModelShape, rank: Int, limit: Int) -> Int {
        chosen(from: model, limit: limit).reduce(0) { $0 + multiplyAdds($1, rank) }
    }

    /// What the names of a layer's factors begin with.
    func stem(_ layer: Layer, _ model: ModelShape) -> String {
        if config != nil { return "base_model.model." + layer.path }
        let isLanguageModel = layer.path.hasPrefix("model.")
        return (isLanguageModel ? "lycoris_" : "lora_unet_") + layer.path.split(separator: ".").joined(separator: "_")
    }

    /// Layers spread evenly over the model.
    private func chosen(from model: ModelShape, limit: Int) -> [Layer] {
        let candidates =
            switch layers {
            case .all: model.layers
            case .linear: model.layers.filter { $0.shape.count == 2 }
            case .largeKernels: model.layers.filter { $0.kernel.contains { $0 > 1 } }
            case .norms: model.norms
            }
        let total = candidates.reduce(0) { $0 + $1.elements }
        let bound = min(limit, self.limit) / 2
        guard total > bound else { return candidates }
        let step = (total + bound - 1) / bound
        var left = bound
        return stride(from: 0, to: candidates.count, by: step).map { candidates[$0] }.filter { layer in
            left -= layer.elements
            return left >= 0
        }
    }
}
