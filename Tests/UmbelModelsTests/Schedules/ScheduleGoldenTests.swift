import Glibc
import Testing
import UmbelFormats

@testable import UmbelModels

func sine(_ x: Double) -> Double { sin(x) }

/// A case of schedules.json.
struct ScheduleCase: CustomTestStringConvertible, Sendable {
    let fields: JSON

    static let all: [ScheduleCase] = {
        guard let cases = try? ScheduleFixtures.json("schedules.json").array else { return [] }
        return cases.map(ScheduleCase.init)
    }()

    var className: String { fields["class"]?.string ?? "" }
    var steps: Int { fields["steps"]?.integer ?? 0 }
    var eta: Double { fields["eta"]?.double ?? 0 }
    var config: ScheduleConfig { ScheduleConfig(className: className, object: fields["config"]) }
    var samples: [[Float]] { fields["samples"]?.array?.compactMap(\.floats) ?? [] }

    /// Samples that begin a hundred times as large as they end lose two digits in f32 on both sides. The third order in
    /// groups divides differences of answers by parts of a step, which multiplies the noise's 1e-6.
    var tolerance: Float {
        if (fields["scale"]?.double ?? 1) > 100 { return 3e-4 }
        // The last bit of a sigma's logarithm is sometimes another than torch's; it moves the time at which the noise is
        // looked up, by one millionth.
        if className == DPMSolverSDE.className { return 1e-4 }
        return className == DPMSolverSinglestep.className && fields["config"]?["solver_order"]?.integer == 3
            ? 3e-5 : 1e-5
    }

    var testDescription: String {
        let rest = fields.members?.filter { !["timesteps", "sigmas", "samples", "first", "class"].contains($0.name) }
        return className + " " + JSON.object(rest ?? []).text
    }

    func schedule() throws(ScheduleError) -> any Schedule {
        try Schedules.make(config, steps: steps, eta: eta)
    }
}

/// Whole timesteps are equal; others come from logarithms and may differ in the last place.
func areSameTimes(_ times: [Float], _ expected: [Float]) -> Bool {
    expected.allSatisfy { $0 == $0.rounded() } ? times == expected : relativeDifference(times, expected) < 3e-7
}

@Suite("Schedules do what diffusers does")
struct ScheduleGoldenTests {
    @Test("Every class of the list has a case, and every case a class of the list")
    func casesCoverTheList() {
        #expect(Set(ScheduleCase.all.map(\.className)) == Set(ScheduleList.all.map { $0.className }))
    }

    @Test("Timesteps, sigmas and the first scale are those of diffusers", arguments: ScheduleCase.all)
    func plan(_ expected: ScheduleCase) throws {
        let plan = try expected.schedule().plan
        let timesteps = try #require(expected.fields["timesteps"]?.floats)
        #expect(areSameTimes(plan.timesteps, timesteps))
        // Schedules over ᾱ have no sigmas; diffusers gives none there either.
        let sigmas = expected.fields["sigmas"]?.floats ?? []
        #expect(plan.sigmas.count == sigmas.count)
        for (sigma, other) in zip(plan.sigmas, sigmas) { #expect(abs(sigma - other) <= 1e-5 * other) }
        let scale = try #require(expected.fields["scale"]?.double)
        #expect(abs(Double(plan.initialScale) - scale) < 1e-5 * scale)
    }

    @Test("Samples are those of diffusers after every step", arguments: ScheduleCase.all)
    func samples(_ expected: ScheduleCase) throws {
        let schedule = try expected.schedule()
        let plan = schedule.plan
        var first = TorchNoise(seed: 3)
        var sample = first.draw(16)
        var start = 0
        if let strength = expected.fields["strength"]?.double {
            start = try plan.start(strength: strength)
            var picture = TorchNoise(seed: 5)
            let noise = sample
            sample = picture.draw(16)
            sample.withUnsafeMutableBufferPointer { plan.addNoise(to: $0, noise: noise, at: start) }
            let mixed = try #require(expected.fields["first"]?.floats)
            #expect(relativeDifference(sample, mixed) < 1e-5)
        } else {
            sample = sample.map { $0 * plan.initialScale }
        }
        var run = schedule.run(count: 16, from: start)
        var noise = TorchNoise(seed: 7)
        var samples: [[Float]] = []
        while let timestep = run.timestep {
            let output = formulaModel(sample, scale: plan.inputScale(at: run.index), timestep: timestep)
            run.step(output: output, sample: &sample, noise: &noise)
            samples.append(sample)
        }
        let wanted = expected.samples
        #expect(wanted.count == samples.count || wanted.count == 1)
        for (step, pair) in zip(samples.suffix(wanted.count), wanted).enumerated() {
            let difference = relativeDifference(pair.0, pair.1)
            #expect(difference < expected.tolerance, "step \(step)")
        }
    }
}

@Suite("Schedules on the first step of shapes-sd")
struct ShapesScheduleTests {
    static let names: [String] = (try? ScheduleFixtures.json("shapes.json").members?.map(\.name)) ?? []

    @Test("Noise, timesteps, sigmas and the latents after a step are those of the pipeline", arguments: names)
    func firstStep(_ name: String) throws {
        let entry = try #require(try ScheduleFixtures.json("shapes.json")[name])
        let file = try ScheduleFixtures.tensors("shapes.safetensors")
        let schedule = try Schedules.make(
            ScheduleConfig(className: entry["class"]?.string ?? "", object: entry["config"]),
            steps: try #require(entry["steps"]?.integer))
        let plan = schedule.plan
        #expect(areSameTimes(plan.timesteps, file.view("\(name).timesteps")?.values() ?? []))
        for (sigma, other) in zip(plan.sigmas, file.view("\(name).sigmas")?.values() ?? []) {
            #expect(abs(sigma - other) <= 1e-5 * other)
        }
        let output = try #require(file.view("\(name).output")?.values())
        var noise = TorchNoise(seed: UInt64(try #require(entry["seed"]?.integer)))
        var latents = noise.draw(output.count).map { $0 * plan.initialScale }
        var run = schedule.run(count: latents.count)
        run.step(output: output, sample: &latents, noise: &noise)
        let expected = try #require(file.view("\(name).after")?.values())
        // The noise's 1e-6, at the size that the first sigma gives it.
        #expect(relativeDifference(latents, expected) < 2e-6)
    }
}
