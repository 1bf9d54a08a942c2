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
            let config = try SamplerNames.config(sampler: sampler.name, schedule: spacing.rawValue, from: base)
            let plan = try Schedules.make(config, steps: 8).plan
            #expect(plan.steps == 8)
            for alias in sampler.aliases {
                #expect(try SamplerNames.config(sampler: alias, schedule: spacing.name, from: base) == config)
            }
        }
    }

    @Test("What the model answers stays as the base says")
    func keepsPrediction() throws {
        let config = try SamplerNames.config(sampler: "Euler a", from: base)
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
    func spelling(_ name: String, _ schedule: String?, _ sampler: String, _ wanted: String) throws {
        #expect(
            try SamplerNames.config(sampler: name, schedule: schedule, from: base)
                == SamplerNames.config(sampler: sampler, schedule: wanted, from: base))
    }

    @Test("No sampler is the base's own, and a class of diffusers keeps its settings")
    func classes() throws {
        #expect(try SamplerNames.config(sampler: nil, from: base) == base)
        let euler = try SamplerNames.config(sampler: Euler.className, from: base)
        #expect(euler == base.changed(to: Euler.className, [:]))
        let spaced = try SamplerNames.config(sampler: nil, schedule: "Exponential", from: euler)
        #expect(spaced.className == Euler.className)
        #expect(try spaced.flag("use_exponential_sigmas") && !spaced.flag("use_karras_sigmas"))
        #expect(throws: ScheduleError.spacing("Karras", sampler: PNDM.className)) {
            try SamplerNames.config(sampler: nil, schedule: "Karras", from: base)
        }
    }

    @Test("Karras and uniform sigmas differ, and the base's own spacing is not left over")
    func spacings() throws {
        let karras = try Schedules.make(SamplerNames.config(sampler: "Euler", schedule: "Karras", from: base), steps: 6)
        let uniform = try Schedules.make(
            SamplerNames.config(sampler: "Euler", schedule: "Uniform", from: base), steps: 6)
        #expect(karras.plan.sigmas.first == uniform.plan.sigmas.first)
        #expect(karras.plan.sigmas[2] < uniform.plan.sigmas[2])
    }

    @Test(
        "Unknown samplers and spacings are refused, and those that a sampler does not have",
        arguments: [
            ("Restart", nil, .unknownSampler("Restart")), ("DPM2 a", nil, .unknownSampler("DPM2 a")),
            ("Euler", "Simple", .unknownSpacing("Simple")),
            ("Euler a", "Karras", .spacing("Karras", sampler: "Euler a")),
            ("DDIM", "Uniform", .spacing("Uniform", sampler: "DDIM")),
        ] as [(String, String?, ScheduleError)])
    func refusal(_ name: String, _ schedule: String?, _ error: ScheduleError) {
        #expect(throws: error) { try SamplerNames.config(sampler: name, schedule: schedule, from: base) }
    }
}
