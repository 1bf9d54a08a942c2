internal import UmbelFormats
internal import UmbelTensor

/// The schedule that diffusers' `from_single_file` gives such a checkpoint, by the configurations of the models that it was
/// trained from.
extension SingleFile {
    /// - Throws: for a model that is trained on noise of any strength, which is not supported, and for a U-Net that is missing.
    func schedule() throws(ModelError) -> ScheduleConfig {
        // Playground 2.5 and models like it (Karras and others 2022).
        if let mark = names.first(where: { $0.hasPrefix("edm_") }) { throw .unsupported(setting: mark, value: "EDM") }
        let isVelocity = try predictsVelocity()
        var fields: [String: JSON] = [
            "num_train_timesteps": 1000, "beta_start": .number("0.00085"), "beta_end": .number("0.012"),
            "beta_schedule": "scaled_linear", "clip_sample": false, "set_alpha_to_one": false, "skip_prk_steps": true,
            "steps_offset": 1,
            "timestep_spacing": "leading", "prediction_type": isVelocity ? "v_prediction" : "epsilon",
        ]
        if isXL {
            fields["rescale_betas_zero_snr"] = .bool(isVelocity && names.contains("ztsnr"))
            return ScheduleConfig(className: "EulerDiscreteScheduler", fields: fields)
        }
        return ScheduleConfig(className: isVelocity ? "DDIMScheduler" : "PNDMScheduler", fields: fields)
    }

    /// Whether the U-Net answers with v rather than with the noise (Salimans and Ho 2022).
    ///
    /// A tensor called `v_pred` says so. Of Stable Diffusion 2 nothing does: it counts as the model for 768 × 768 pixels, which
    /// has v, unless it is the one that takes a mask, or its number of training steps is that of the model for 512 × 512. This is
    /// diffusers' rule.
    func predictsVelocity() throws(ModelError) -> Bool {
        if names.contains("v_pred") { return true }
        let unet = Weights(try weights("unet"))
        guard !isXL, try UNetConfiguration.contextSize(unet) == Self.contextSizeOfSecond else { return false }
        guard try UNetConfiguration.inputChannels(unet) == 4 else { return false }
        return trainingSteps != Self.stepsOfSmallSecond
    }

    private static let stepsOfSmallSecond = 875_000

    /// nil if the file does not say.
    private var trainingSteps: Int? {
        guard let tensor = source.tensor("global_step"), tensor.elementCount == 1 else { return nil }
        return Int(exactly: tensor.number(at: 0))
    }
}
