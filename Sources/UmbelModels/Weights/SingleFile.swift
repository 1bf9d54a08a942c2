package import UmbelNames
internal import UmbelTensor

/// A checkpoint in one file: the networks of a pipeline, each with a configuration that is worked out from its tensors, because
/// there is no other.
package struct SingleFile: Sendable {
    /// "unet", "vae", "text_encoder", "text_encoder_2".
    package let components: [String]
    let source: any WeightSource
    let names: [String]
    private let table: NameTable

    /// Opens a file.
    ///
    /// - Throws: if it is missing or damaged.
    package init(path: String) throws(ModelError) {
        let tensors = try ComponentFiles.tensors(of: path)
        let names = tensors.keys.sorted()
        let catalog = names.map { BaseTensor(name: $0, shape: tensors[$0]?.shape ?? []) }
        self.init(
            TensorsByName(tensors), names: names, NameTable(catalog: BaseCatalog(tensors: catalog)))
    }

    /// Over tensors that are open.
    ///
    /// - Parameter names: of the file's tensors, in the order of the table's catalog.
    package init(_ source: any WeightSource, names: [String], _ table: NameTable) {
        self.source = source
        self.names = names
        self.table = table
        components = table.componentNames
    }

    /// The weights of a part by diffusers' and transformers' names.
    ///
    /// - Throws: if the file has no such part.
    package func weights(_ component: String) throws(ModelError) -> RenamedWeights {
        guard components.contains(component) else { throw .missingPart(component) }
        return RenamedWeights(source, names: names, table, component: component)
    }

    /// The weights of all parts.
    ///
    /// - Parameter source: the file's tensors by its own names, merged ones among them.
    package func parts(of source: any WeightSource) -> [String: any WeightSource] {
        let parts = components.map { component -> (String, any WeightSource) in
            (component, RenamedWeights(source, names: names, table, component: component))
        }
        return Dictionary(parts, uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter predictsVelocity: whether it answers with v.
    /// - Throws: if there is none, or if it is like none that it is known of how many heads it has.
    package func unet(predictsVelocity: Bool) throws(ModelError) -> (UNetConfiguration, Weights) {
        let weights = Weights(try weights("unet"))
        var configuration = try UNetConfiguration(shapesOf: weights)
        // SDXL 1024, Stable Diffusion 2 with v 768, and all others 512 pixels.
        let isSecond = configuration.levels.first?.contextSize == Self.contextSizeOfSecond
        configuration.sampleSize = isXL ? 128 : isSecond && predictsVelocity ? 96 : 64
        return (configuration, weights)
    }

    /// - Throws: if there is none, or if its scaling is not known.
    package func autoencoder() throws(ModelError) -> (VAEConfiguration, Weights) {
        let weights = Weights(try weights("vae"))
        return (try VAEConfiguration(shapesOf: weights, isSDXL: isXL), weights)
    }

    /// - Parameter component: "text_encoder" or "text_encoder_2".
    /// - Throws: if there is none of that name, or none of CLIP's kind.
    package func textEncoder(_ component: String) throws(ModelError) -> (CLIPTextConfiguration, Weights) {
        let renamed = try weights(component)
        let stored = renamed.storedName("text_model.final_layer_norm.weight") ?? ""
        // Stable Diffusion 2 was trained on the output of the layer before the last.
        let leavesOutLast = stored.hasPrefix("cond_stage_model.model.")
        let weights = Weights(renamed)
        let configuration = try CLIPTextConfiguration(
            shapesOf: weights, isOpenCLIP: isOpenCLIP(component), layersLeftOut: leavesOutLast ? 1 : 0)
        return (configuration, weights)
    }

    /// Whether a text encoder is in OpenCLIP's naming.
    func isOpenCLIP(_ component: String) -> Bool { table.isOriginal(component) }

    /// Length of the text's vectors in Stable Diffusion 2.
    static let contextSizeOfSecond = 1024

    /// Its latents are scaled otherwise than those of the models before it.
    var isXL: Bool {
        components.contains("text_encoder_2") || names.contains { $0.hasPrefix("conditioner.embedders.") }
    }
}
