internal import UmbelAdapters
internal import UmbelNames
internal import UmbelTensor

/// What the names and shapes of a base's tensors tell of its networks.
extension BaseModel {
    /// Numbers that each CLIP text encoder has for a token, in the order of the encoders; empty for a base without one.
    package var textWidths: [Int] {
        let tables = weights.catalog.tensors.indices.filter { index in
            weights.catalog.tensors[index].name.hasSuffix("token_embedding.weight")
                && weights.views[index].shape.count == 2
        }
        // Folders are called text_encoder, text_encoder_2; in a single file embedders.0, embedders.1.
        return tables.sorted { weights.label($0) < weights.label($1) }.map { weights.views[$0].shape[1] }
    }

    /// Layers (resnets) of each down block of its U-Net, by the places of the blocks in the names of either layout; empty for
    /// a base without one.
    ///
    /// In the original layout input 0 is the first convolution, and each block's layers are followed by its downsampler, the
    /// last one's by nothing.
    package var layersPerBlock: [Int] {
        var layers: [Int: Int] = [:]
        var (inputs, downsamplers) = (0, Set<Int>())
        // A VAE has down blocks too.
        for tensor in weights.catalog.tensors where ["", "unet"].contains(tensor.component) {
            let parts = tensor.name.split(separator: ".")
            if parts.contains("encoder") { continue }
            if let start = parts.firstIndex(of: "down_blocks"), parts.count > start + 3, parts[start + 2] == "resnets",
                let block = Int(parts[start + 1]), let layer = Int(parts[start + 3])
            {
                layers[block] = max(layers[block] ?? 0, layer + 1)
            } else if let start = parts.firstIndex(of: "input_blocks"), parts.count > start + 3,
                let place = Int(parts[start + 1])
            {
                inputs = max(inputs, place + 1)
                if parts[start + 3] == "op" { downsamplers.insert(place) }
            }
        }
        guard layers.isEmpty else { return (0...(layers.keys.max() ?? 0)).map { layers[$0] ?? 0 } }
        guard inputs > 0 else { return [] }
        let ends = downsamplers.sorted() + [inputs]
        return zip([0] + ends, ends).map { $1 - $0 - 1 }
    }
}
