import Testing
import UmbelFormats

@testable import UmbelModels

@Suite("Scheduler configurations")
struct ScheduleConfigTests {
    private func make(
        _ className: String, _ fields: [String: JSON], steps: Int = 5, eta: Double = 0
    ) throws(ScheduleError) -> any Schedule {
        try Schedules.make(ScheduleConfig(className: className, fields: fields), steps: steps, eta: eta)
    }

    @Test("A file is read, Python's infinity included, and fields of other classes are left alone")
    func file() throws {
        let text = #"""
            {"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity,
             "_diffusers_version": "0.42.1", "trained_betas": null, "skip_prk_steps": true, "note": "Infinity \" -Infinity", "beta_schedule": "linear"}
            """#
        let config = try ScheduleConfig(parsing: Array(text.utf8))
        #expect(config.className == DPMSolverMultistep.className)
        #expect(try config.number("lambda_min_clipped") == -.infinity)
        #expect(config.value("note")?.string == "Infinity \" -Infinity")
        #expect(try Schedules.make(config, steps: 4).plan.timesteps.count == 4)
    }

    @Test(
        "What is no configuration is refused",
        arguments: [
            ("[]", ScheduleError.notObject), ("{}", .unknownClass(nil)), ("{", .notJSON(.unexpectedEnd)),
        ])
    func notConfig(_ text: String, _ error: ScheduleError) {
        #expect(throws: error) { try ScheduleConfig(parsing: Array(text.utf8)) }
    }

    @Test("A class that is not there is named")
    func unknownClass() {
        #expect(throws: ScheduleError.unknownClass("FlowMatchEulerDiscreteScheduler")) {
            try make("FlowMatchEulerDiscreteScheduler", [:])
        }
    }

    /// class, field, value, and how it is refused.
    static let refused: [(String, String, JSON, ScheduleError)] = [
        (Euler.className, "beta_schedule", "exp", .unsupported(field: "beta_schedule", value: "exp")),
        (Euler.className, "beta_schedule", "wild", .unsupported(field: "beta_schedule", value: "wild")),
        (Euler.className, "timestep_spacing", "even", .unsupported(field: "timestep_spacing", value: "even")),
        (Euler.className, "prediction_type", 3, .wrongType(field: "prediction_type")),
        (Euler.className, "num_train_timesteps", 1_000_000_000, .outOfRange(field: "num_train_timesteps")),
        (Euler.className, "sigma_min", -1, .outOfRange(field: "sigma_min")),
        (
            EulerAncestral.className, "prediction_type", "sample",
            .unsupported(field: "prediction_type", value: "sample")
        ),
        (PNDM.className, "prediction_type", "sample", .unsupported(field: "prediction_type", value: "sample")),
        (DDPM.className, "variance_type", "learned", .unsupported(field: "variance_type", value: "learned")),
        (DDPM.className, "trained_betas", [.number("0.1")], .outOfRange(field: "trained_betas")),
        (DDIM.className, "clip_sample", "yes", .wrongType(field: "clip_sample")),
        (DDIM.className, "steps_offset", -1, .outOfRange(field: "steps_offset")),
        (DDIM.className, "steps_offset", 900, .untrained(timestep: 1700, trained: 1000)),
        (UniPC.className, "use_flow_sigmas", true, .unsupported(field: "use_flow_sigmas", value: "true")),
        (
            UniPC.className, "prediction_type", "flow_prediction",
            .unsupported(field: "prediction_type", value: "flow_prediction")
        ),
        (
            UniPC.className, "lower_order_final", false,
            .conflict(fields: ["lower_order_final", "final_sigmas_type"])
        ),
        (
            DPMSolverMultistep.className, "algorithm_type", "dpmsolver",
            .conflict(fields: ["algorithm_type", "final_sigmas_type"])
        ),
        (DPMSolverMultistep.className, "solver_order", 4, .outOfRange(field: "solver_order")),
        (
            DPMSolverMultistep.className, "variance_type", "learned",
            .unsupported(field: "variance_type", value: "\"learned\"")
        ),
        (DPMSolverMultistep.className, "lambda_min_clipped", 1000, .outOfRange(field: "lambda_min_clipped")),
    ]

    @Test("A setting that Umbel does not do is refused by name", arguments: refused.indices)
    func refusal(_ index: Int) {
        let (className, field, value, error) = Self.refused[index]
        #expect(throws: error) { try make(className, [field: value]) }
    }

    @Test("Two spacings exclude each other")
    func conflict() {
        #expect(throws: ScheduleError.conflict(fields: ["use_karras_sigmas", "use_exponential_sigmas"])) {
            try make(LMS.className, ["use_karras_sigmas": true, "use_exponential_sigmas": true])
        }
    }

    @Test("Steps beyond what the model was trained with are refused, and none", arguments: ScheduleList.all.indices)
    func steps(_ index: Int) {
        let className = ScheduleList.all[index].className
        for steps in [-1, 0, 1001] {
            #expect(throws: ScheduleError.self) { try make(className, ["skip_prk_steps": true], steps: steps) }
        }
    }

    @Test("PNDM with Runge and Kutta's beginning takes four steps at least, and LCM has those of its distillation")
    func limitsOfSteps() {
        #expect(throws: ScheduleError.steps(3, allowed: 4...1000)) { try make(PNDM.className, [:], steps: 3) }
        #expect(throws: ScheduleError.steps(51, allowed: 1...50)) { try make(LCM.className, [:], steps: 51) }
    }

    @Test("DDIM's eta is between 0 and 1")
    func eta() {
        #expect(throws: ScheduleError.outOfRange(field: "eta")) { try make(DDIM.className, [:], eta: 1.5) }
    }

    @Test(
        "Every number of steps gives as many steps, whatever the spacing",
        arguments: ["leading", "linspace", "trailing"])
    func everyNumberOfSteps(_ spacing: String) throws {
        for steps in [1, 2, 3, 7, 60, 61, 62, 103, 485, 999, 1000] {
            let plan = try make(Euler.className, ["timestep_spacing": .string(spacing)], steps: steps).plan
            #expect(plan.timesteps.count == steps)
            #expect(plan.sigmas.allSatisfy { $0.isFinite && $0 >= 0 })
            #expect(plan.timesteps == plan.timesteps.sorted(by: >))
        }
    }

    @Test("A strength leaves out the first steps, and Heun's two by two")
    func strength() throws {
        let euler = try make(Euler.className, [:], steps: 10).plan
        #expect(try euler.start(strength: 1) == 0)
        #expect(try euler.start(strength: 0.75) == 3)
        #expect(try euler.start(strength: 0.1) == 9)
        #expect(try make(Heun.className, [:], steps: 10).plan.start(strength: 0.75) == 6)
        for strength in [0, 0.05, -1, 1.01, .nan] {
            #expect(throws: (any Error).self) { try euler.start(strength: strength) }
        }
    }

    @Test("Heun evaluates twice a step but the last, and PNDM once more than there are steps")
    func evaluations() throws {
        #expect(try make(Heun.className, [:], steps: 10).plan.evaluations == 19)
        #expect(try make(PNDM.className, ["skip_prk_steps": true], steps: 10).plan.evaluations == 11)
        #expect(try make(PNDM.className, [:], steps: 10).plan.evaluations == 19)
    }

    @Test(
        "A step to no noise ends at the picture that the plan estimates",
        arguments: [Euler.className, DPMSolverMultistep.className, UniPC.className],
        ["epsilon", "sample", "v_prediction"])
    func estimate(_ className: String, _ prediction: String) throws {
        let schedule = try make(className, ["prediction_type": .string(prediction)], steps: 1)
        let sample: [Float] = [3, -2, 0.5]
        let output: [Float] = [0.25, -1, 0.75]
        var estimate: [Float] = [0, 0, 0]
        estimate.withUnsafeMutableBufferPointer {
            schedule.plan.estimate(sample: sample, output: output, at: 0, into: $0)
        }
        var (run, moved, noise) = (schedule.run(count: 3), sample, TorchNoise(seed: 1))
        run.step(output: output, sample: &moved, noise: &noise)
        #expect(relativeDifference(moved, estimate) < 1e-6)
    }

    @Test("Each of several pictures in a run has its own threshold")
    func thresholds() {
        let limit = CleanLimit.threshold(quantile: 1, largest: 10)
        let numbers: [Float] = [1, -2, 4, 8]
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
        defer { memory.deallocate() }
        func limited(pictures: Int) -> [Float] {
            _ = memory.update(fromContentsOf: numbers)
            memory.baseAddress.map { limit.apply(to: Numbers(start: $0, count: 4), pictures: pictures) }
            return Array(memory)
        }
        #expect(limited(pictures: 1) == [0.125, -0.25, 0.5, 1])
        #expect(limited(pictures: 2) == [0.5, -1, 0.5, 1])
    }

    @Test("Two pictures drawn in turn are the two drawn alone", arguments: ScheduleList.all.indices)
    func runsAreApart(_ index: Int) throws {
        let schedule = try make(ScheduleList.all[index].className, ["solver_order": 3], steps: 6)
        func first(_ seed: UInt64) -> [Float] {
            var noise = TorchNoise(seed: seed)
            return noise.draw(20)
        }
        func advance(_ run: inout ScheduleRun, _ sample: inout [Float], _ noise: inout TorchNoise) {
            let output = formulaModel(sample, scale: run.plan.inputScale(at: run.index), timestep: run.timestep ?? 0)
            run.step(output: output, sample: &sample, noise: &noise)
        }
        func alone(_ seed: UInt64) -> [Float] {
            var (run, sample, noise) = (schedule.run(count: 20), first(seed), TorchNoise(seed: seed))
            while run.timestep != nil { advance(&run, &sample, &noise) }
            return sample
        }
        var runs = [schedule.run(count: 20), schedule.run(count: 20)]
        var samples = [first(1), first(2)]
        var noises = [TorchNoise(seed: 1), TorchNoise(seed: 2)]
        while runs[0].timestep != nil {
            for picture in 0..<2 { advance(&runs[picture], &samples[picture], &noises[picture]) }
        }
        #expect(samples == [alone(1), alone(2)])
    }
}
