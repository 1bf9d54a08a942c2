package import UmbelModels

/// How drawing uses the machine.
package struct PainterSettings: Hashable, Sendable {
    /// What the U-Net's products are computed in. In f32 pictures are those of diffusers in f32.
    package var computeType = ComputeType.f32
    /// Bytes of merged tensors that the networks of variants hold, all together; those of a drawing under way are there in any case,
    /// and the base's own layers come on top.
    package var layerBytes = 4 << 30
    /// Bytes of activations that an autoencoder may take; pictures that need more are computed in tiles.
    package var autoencoderBytes = StableDiffusion.autoencoderBytes

    package init() {}
}
