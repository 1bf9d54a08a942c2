extension Family {
    /// Every family, in the order in which names.md 2 tries them: the first whose signature fits is the one. HunyuanVideo
    /// stands before Flux, because ComfyUI's files of it have the names of both; Sana before PixArt, whose tensors it has.
    static let all: [Family] = [
        unet, stableDiffusion3, flux2, chroma, hunyuanVideo, flux, wan, qwenImage, zImage, lumina2, auraFlow, sana,
        pixArt,
        ltx, mochi, cosmos, autoencoder, clip,
    ]
}
