internal import UmbelFormats

/// The words of the Stable Diffusion web UIs for what diffusers calls schedulers and their settings.
package enum SamplerNames {
    /// A sampler of the web UIs.
    package struct Sampler: Sendable {
        package let name: String
        package let aliases: [String]
        /// The spacing that "Automatic" stands for.
        package let automatic: Spacing
        /// The spacings that it may be given.
        package let spacings: [Spacing]
        let className: String
        let fields: [String: JSON]
    }

    /// A spacing of noise levels; the web UIs call it schedule type, or scheduler.
    package enum Spacing: String, CaseIterable, Sendable {
        case automatic = "Automatic"
        case uniform = "Uniform"
        case karras = "Karras"
        case exponential = "Exponential"
        case sgmUniform = "SGM Uniform"
        case beta = "Beta"

        /// The name in requests that do not use the label.
        package var name: String {
            rawValue.lowercased().split(separator: " ").joined(separator: "_")
        }

        /// The fields that say so. All of them, so that none is left of the configuration that is changed.
        var fields: [String: JSON] {
            [
                "use_karras_sigmas": .bool(self == .karras), "use_exponential_sigmas": .bool(self == .exponential),
                "use_beta_sigmas": .bool(self == .beta), "use_lu_lambdas": false,
                "timestep_spacing": self == .sgmUniform ? "trailing" : "linspace",
            ]
        }
    }

    /// All that Umbel has, in the order of the web UIs. Others of theirs (DPM2, DPM++ 2S a, DPM fast and adaptive,
    /// Restart) are not among the schedules here, or differ from them.
    package static let samplers: [Sampler] = [
        solver("DPM++ 2M", ["k_dpmpp_2m"], .karras, "dpmsolver++"),
        Sampler(
            name: "DPM++ SDE", aliases: ["k_dpmpp_sde"], automatic: .karras, spacings: sigmas,
            className: DPMSolverSDE.className, fields: [:]),
        solver("DPM++ 2M SDE", ["k_dpmpp_2m_sde"], .exponential, "sde-dpmsolver++"),
        solver("DPM++ 2M SDE Heun", ["k_dpmpp_2m_sde_heun"], .exponential, "sde-dpmsolver++", type: "heun"),
        solver("DPM++ 3M SDE", ["k_dpmpp_3m_sde"], .exponential, "sde-dpmsolver++", order: 3),
        sampler("Euler a", ["k_euler_a", "k_euler_ancestral"], EulerAncestral.self, [.uniform, .sgmUniform]),
        sampler(
            "Euler", ["k_euler"], Euler.self, sigmas, ["interpolation_type": "linear", "final_sigmas_type": "zero"]),
        sampler("LMS", ["k_lms"], LMS.self, sigmas),
        sampler("Heun", ["k_heun"], Heun.self, sigmas),
        sampler("DDPM", ["ddpm"], DDPM.self, [], whole),
        sampler("DDIM", ["ddim"], DDIM.self, [], whole),
        sampler("PLMS", ["plms"], PNDM.self, [], whole.merging(["skip_prk_steps": true]) { $1 }),
        sampler("UniPC", ["unipc"], UniPC.self, sigmas, ["solver_type": "bh2", "final_sigmas_type": "zero"]),
        sampler("LCM", ["lcm"], LCM.self, []),
    ]

    private static let sigmas: [Spacing] = [.uniform, .karras, .exponential, .sgmUniform, .beta]
    /// Whole timesteps, from 1 on.
    private static let whole: [String: JSON] = [
        "timestep_spacing": "leading", "steps_offset": 1, "clip_sample": false, "thresholding": false,
    ]

    private static func sampler(
        _ name: String, _ aliases: [String], _ schedule: any Schedule.Type, _ spacings: [Spacing],
        _ fields: [String: JSON] = [:]
    ) -> Sampler {
        Sampler(
            name: name, aliases: aliases, automatic: spacings.isEmpty ? .automatic : .uniform, spacings: spacings,
            className: schedule.className, fields: fields)
    }

    private static func solver(
        _ name: String, _ aliases: [String], _ automatic: Spacing, _ algorithm: String, type: String = "midpoint",
        order: Int = 2
    ) -> Sampler {
        Sampler(
            name: name, aliases: aliases, automatic: automatic, spacings: sigmas,
            className: DPMSolverMultistep.className,
            fields: [
                "algorithm_type": .string(algorithm), "solver_type": .string(type), "solver_order": JSON(order),
                "final_sigmas_type": "zero", "lower_order_final": true, "euler_at_final": false,
            ])
    }
}
