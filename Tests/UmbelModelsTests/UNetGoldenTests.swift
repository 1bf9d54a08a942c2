import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("U-Nets agree with diffusers after every part")
struct UNetGoldenTests {
    let pool = ComputePool(threads: 2)
    /// One evaluation in f32.
    let limit: Float = 1e-4

    @Test("The trained pipeline")
    func trained() throws {
        try check(ComponentFiles.unet(TestFiles.shapes + "/unet"), Golden(TestFiles.shapesProbe), parts: 12)
    }

    @Test("Pipelines like Stable Diffusion 2 and XL", arguments: [("sd2-tiny", 10), ("sdxl-tiny", 11)])
    func pipelines(name: String, parts: Int) throws {
        let folder = TestFiles.drawing + "/" + name
        try check(
            ComponentFiles.unet(folder + "/unet"), Golden(folder + "/goldens/probe.safetensors"), parts: parts)
    }

    @Test(
        "Networks with each option",
        arguments: [
            "class-concat", "class-identity", "class-projection", "class-timestep", "fourier", "inpaint", "lcm",
            "no-middle", "other-numbers", "pixel", "plain-middle", "self-attention", "text-projection", "upscaler",
        ])
    func options(name: String) throws {
        let folder = TestFiles.drawing + "/unets/" + name
        try check(ComponentFiles.unet(folder), Golden(folder + "/golden.safetensors"), parts: 6)
    }

    @Test("What nobody wants any more ends after the next part")
    func cancelled() throws {
        let golden = try Golden(TestFiles.shapesProbe)
        let unet = try ComponentFiles.unet(TestFiles.shapes + "/unet")
        var seen: [String] = []
        let pass = ForwardPass(pool: pool) { part, _ throws(ModelError) in
            seen.append(part)
            if part == "down_blocks.0.resnets.0" { throw .cancelled }
        }
        let input = try input(golden, unet)
        #expect(throws: ModelError.cancelled) { try unet(input, pass) }
        #expect(seen.last == "down_blocks.0.resnets.0")
    }

    @Test("Inputs of other sizes are refused by name")
    func inputs() throws {
        let golden = try Golden(TestFiles.shapesProbe)
        let unet = try ComponentFiles.unet(TestFiles.shapes + "/unet")
        let given = try input(golden, unet)
        let pass = ForwardPass(pool: pool)
        let narrow = Matrix(rows: 2, columns: 3, repeating: 0)
        #expect(throws: ModelError.missingInput("encoder_hidden_states")) {
            try unet(UNetInput(sample: given.sample, times: given.times, context: narrow), pass)
        }
        #expect(throws: ModelError.missingInput("timestep")) {
            try unet(UNetInput(sample: given.sample, times: [1], context: given.context), pass)
        }
        let sdxl = TestFiles.drawing + "/sdxl-tiny"
        let large = try ComponentFiles.unet(sdxl + "/unet")
        let all = try input(Golden(sdxl + "/goldens/probe.safetensors"), large)
        #expect(throws: ModelError.missingInput("added_cond_kwargs")) {
            try large(UNetInput(sample: all.sample, times: all.times, context: all.context), pass)
        }
    }

    @Test("A size that cannot be halved again and again comes back as it was")
    func oddSize() throws {
        let unet = try ComponentFiles.unet(TestFiles.shapes + "/unet")
        let sample = FeatureMap(batch: 1, height: 7, width: 10, Matrix(rows: 70, columns: 4, repeating: 0.5))
        let context = Matrix(rows: 3, columns: 64, repeating: 0.1)
        let out = try unet(UNetInput(sample: sample, times: [5], context: context), ForwardPass(pool: pool))
        #expect(out.height == 7 && out.width == 10 && out.channels == 4)
        #expect(out.values.isFinite)
    }

    @Test("Distilled guidance is told as diffusers tells it")
    func guidance() throws {
        let folder = TestFiles.drawing + "/unets/lcm"
        let unet = try ComponentFiles.unet(folder)
        let golden = try Golden(folder + "/goldens/text.safetensors")
        let sample = try golden.map("unet0.sample")
        let context = Matrix(rows: 2 * sample.batch, columns: 8, repeating: 0.5)
        var conditions = UNet.Conditions(context: context)
        conditions.guidance = 7.5
        let pass = ForwardPass(pool: pool)
        let found = try unet(sample, timestep: 999, conditions, pass).values.values
        let expected = try unet(
            UNetInput(
                sample: sample, times: Array(repeating: 999, count: sample.batch), context: context,
                timeCondition: golden.matrix("unet0.timestep_cond")), pass
        ).values.values
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        conditions.guidance = 2
        #expect(try unet(sample, timestep: 999, conditions, pass).values.values != found)
    }

    /// - Parameter parts: at least so many of the network's parts are compared.
    private func check(_ unet: UNet, _ golden: Golden, parts: Int) throws {
        var (compared, failure): (Int, (any Error)?) = (0, nil)
        let pass = ForwardPass(pool: pool) { part, output in
            do {
                // Class labels that are embedded like times went through the same part, and last.
                if part == "time_proj", unet.configuration.classes == .timestep { return }
                if try golden.compare(output, "unet." + part, limit: limit) { compared += 1 }
            } catch { failure = error }
        }
        let out = try unet(input(golden, unet), pass)
        if let failure { throw failure }
        try golden.compare(out, "unet.out", limit: limit)
        #expect(compared >= parts)
    }

    private func input(_ golden: Golden, _ unet: UNet) throws -> UNetInput {
        var classes: ClassLabels?
        if golden.has("unet.class_labels") {
            let isList = try golden.view("unet.class_labels").shape.count == 1
            classes =
                try isList
                ? .numbers(golden.numbers("unet.class_labels").map { Float($0) })
                : .vectors(golden.matrix("unet.class_labels"))
        }
        var added: AddedConditions?
        if golden.has("unet.text_embeds") {
            let ids = try golden.matrix("unet.time_ids")
            let numbers = (0..<ids.rows).map { row in (0..<ids.columns).map { ids[row, $0] } }
            added = AddedConditions(pooledText: try golden.matrix("unet.text_embeds"), numbers: numbers)
        }
        return UNetInput(
            sample: try golden.map("unet.sample"), times: try golden.numbers("unet.timesteps").map { Float($0) },
            context: try golden.matrix("unet.context"), classes: classes, added: added,
            timeCondition: golden.has("unet.timestep_cond") ? try golden.matrix("unet.timestep_cond") : nil)
    }
}
