import Testing
import UmbelFormats

@testable import UmbelModels

@Suite("Schedules of configurations that make no sense")
struct FuzzScheduleTests {
    /// Values that some field knows, and some that none does.
    private static let pools: [String: [JSON]] = [
        "num_train_timesteps": [2, 3, 20, 1000, 0], "beta_start": [.number("1e-9"), .number("0.9"), .number("0.001")],
        "beta_end": [.number("0.9"), .number("0.02"), 2], "trained_betas": [.null, [], [.number("0.5"), 1], "many"],
        "beta_schedule": ["linear", "scaled_linear", "squaredcos_cap_v2", "exp", "laplace", "sigmoid"],
        "prediction_type": ["epsilon", "sample", "v_prediction"], "rescale_betas_zero_snr": [true, false],
        "timestep_spacing": ["leading", "linspace", "trailing"], "steps_offset": [0, 1, 7, 999],
        "use_karras_sigmas": [true, false, false], "use_exponential_sigmas": [true, false, false],
        "use_beta_sigmas": [true, false, false], "use_lu_lambdas": [true, false, .null],
        "sigma_min": [.null, .number("0.5"), .number("1e8")], "sigma_max": [.null, .number("1e-8"), 90],
        "final_sigmas_type": ["zero", "sigma_min"], "solver_order": [1, 2, 3, 4], "set_alpha_to_one": [true, false],
        "algorithm_type": ["dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++", "deis"],
        "solver_type": ["midpoint", "heun", "bh1", "bh2", "logrho"], "lower_order_final": [true, false],
        "lambda_min_clipped": [.number("-1e999"), -5, 0, 3], "skip_prk_steps": [true, false],
        "original_inference_steps": [1, 50, 1000], "thresholding": [true, false, false], "predict_x0": [true, false],
        "disable_corrector": [[], [0, 1], [.number("1e300")]], "interpolation_type": ["linear", "log_linear"],
        "timestep_type": ["discrete", "continuous"], "variance_type": [.null, .null, "fixed_large", "learned"],
    ]

    @Test("Any configuration is refused or runs to its end", arguments: 0..<40)
    func runs(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<25 {
            var fields: [String: JSON] = [:]
            for (name, pool) in Self.pools.sorted(by: { $0.key < $1.key }) where random.below(3) == 0 {
                fields[name] = pool[random.below(pool.count)]
            }
            let config = ScheduleConfig(
                className: ScheduleList.all[random.below(ScheduleList.all.count)].className, fields: fields)
            let steps = [1, 2, 3, 4, 7, 19, 20][random.below(7)]
            guard let schedule = try? Schedules.make(config, steps: steps, eta: 0.5) else { continue }
            let begins = (try? schedule.plan.start(strength: 0.5)) ?? 0
            for start in [0, begins] {
                var (run, sample, noise) = (
                    schedule.run(count: 4, from: start), [Float](repeating: 1, count: 4),
                    TorchNoise(seed: seed)
                )
                while run.timestep != nil { run.step(output: [0, 1, -1, 2], sample: &sample, noise: &noise) }
                #expect(run.index == schedule.plan.evaluations && run.index > start)
            }
        }
    }
}

/// Sebastiano Vigna's generator.
private struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((word ^ (word >> 31)) % UInt64(bound))
    }
}
