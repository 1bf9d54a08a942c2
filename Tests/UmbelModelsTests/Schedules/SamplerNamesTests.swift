import Testing
import UmbelFormats

@testable import UmbelModels

@Suite("The web UIs' names of samplers")
struct SamplerNamesTests {
    /// As Stable Diffusion 1.5 has it.
    private let base = ScheduleConfig(
        className: PNDM.className,
        fields: [
            "beta_start": .number("0.00085"), "beta_end": .number("0.012"), "beta_schedule": "scaled_linear",
            "skip_prk_steps": true,
            "steps_offset": 1, "prediction_type": "v_prediction", "use_karras_sigmas": true,
        ])

    @Test("Every sampler with every spacing it has makes a schedule", arguments: SamplerNames.samplers.indices)
    func all(_ index: Int) throws {
        let sampler = SamplerNames.samplers[index]
        for spacing in sampler.spacings + [.automatic] {
            let config = try SamplerNames.config(sampler: sampler.name, spacing: spacing.rawValue, of: base)
            let plan = try Schedules.make(config, steps: 8).plan
            #expect(plan.steps == 8)
            for alias in sampler.aliases {
                #expect(try SamplerNames.config(sampler: alias, spacing: spacing.name, of: base) == config)
            }
        }
    }

    @Test("What the model answers stays as the base says")
    func keepsPrediction() throws {
        let config = try SamplerNames.config(sampler: "Euler a", of: base)
        #expect(config.className == EulerAncestral.className)
        #expect(config.value("prediction_type") == "v_prediction")
        #expect(config.value("beta_schedule") == "scaled_linear")
    }

    @Test(
        "A name may say the spacing, and Automatic is the sampler's own",
        arguments: [
            ("DPM++ 2M Karras", nil, "DPM++ 2M", "Karras"), ("DPM++ 2M", "Automatic", "DPM++ 2M", "karras"),
            ("dpm++ 2m sde", nil, "DPM++ 2M SDE", "Exponential"), ("Euler", nil, "Euler", "Uniform"),
            ("LMS Karras", "automatic", "LMS", "Karras"), ("Heun Karras", "SGM Uniform", "Heun", "sgm_uniform"),
        ] as [(String, String?, String, String)])
    func spelling(_ name: String, _ spacing: String?, _ sampler: String, _ wanted: String) throws {
        #expect(
            try SamplerNames.config(sampler: name, spacing: spacing, of: base)
                == SamplerNames.config(sampler: sampler, spacing: wanted, of: base))
    }

    @Test("Karras and uniform sigmas differ, and the base's own spacing is not left over")
    func spacings() throws {
        let karras = try Schedules.make(SamplerNames.config(sampler: "Euler", spacing: "Karras", of: base), steps: 6)
        let uniform = try Schedules.make(SamplerNames.config(sampler: "Euler", spacing: "Uniform", of: base), steps: 6)
        #expect(karras.plan.sigmas.first == uniform.plan.sigmas.first)
        #expect(karras.plan.sigmas[2] < uniform.plan.sigmas[2])
    }

    @Test(
        "Unknown samplers and spacings are refused, and those that a sampler does not have",
        arguments: [
            ("Restart", nil, .unknownSampler("Restart")), ("DPM2 a", nil, .unknownSampler("DPM2 a")),
            ("Euler", "Beta", .unknownSpacing("Beta")),
            ("Euler a", "Karras", .spacing("Karras", sampler: "Euler a")),
            ("DDIM", "Uniform", .spacing("Uniform", sampler: "DDIM")),
        ] as [(String, String?, ScheduleError)])
    func refusal(_ name: String, _ spacing: String?, _ error: ScheduleError) {
        #expect(throws: error) { try SamplerNames.config(sampler: name, spacing: spacing, of: base) }
    }
}
