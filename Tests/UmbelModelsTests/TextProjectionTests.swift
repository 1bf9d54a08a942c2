import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Keys and values of the text")
struct TextProjectionTests {
    let pool = ComputePool(threads: 2)

    private struct Case {
        let unet: UNet
        let sample: FeatureMap
        var conditions: UNet.Conditions

        init(_ name: String, _ type: ComputeType) throws {
            let pipeline = TestFiles.drawing + "/\(name)/goldens/probe.safetensors"
            let isPipeline = name.hasSuffix("tiny")
            let golden = try Golden(isPipeline ? pipeline : TestFiles.drawing + "/unets/\(name)/golden.safetensors")
            let folder = TestFiles.drawing + (isPipeline ? "/\(name)/unet" : "/unets/\(name)")
            unet = try UNet(
                UNetConfiguration(ComponentFiles.json("config.json", in: folder)),
                Weights(ComponentFiles.weights(in: folder), computeType: type))
            sample = try golden.map("unet.sample")
            conditions = UNet.Conditions(context: try golden.matrix("unet.context"))
            if golden.has("unet.text_embeds") {
                conditions.pooledText = golden.lists("unet.text_embeds")
                conditions.numbers = golden.lists("unet.time_ids")
            }
        }
    }

    @Test(
        "Kept from step to step they give the same bits as computed each time",
        arguments: ["sd2-tiny", "sdxl-tiny", "pixel", "text-projection"], ComputeType.allCases)
    func bits(name: String, type: ComputeType) throws {
        var given = try Case(name, type)
        let pass = ForwardPass(pool: pool)
        let times: [Float] = [981, 500, 1]
        let computed = try times.map {
            try given.unet(given.sample, timestep: $0, given.conditions, pass).values.values
        }
        let projections = TextProjections()
        given.conditions.projections = projections
        let kept = try times.map { try given.unet(given.sample, timestep: $0, given.conditions, pass).values.values }
        #expect(computed == kept)
        #expect(projections.count > 0)
    }

    @Test("They are computed once: what the text becomes later is not looked at")
    func once() throws {
        var given = try Case("sd2-tiny", .f32)
        let pass = ForwardPass(pool: pool)
        given.conditions.projections = TextProjections()
        let first = try given.unet(given.sample, timestep: 500, given.conditions, pass).values.values
        let context = given.conditions.context
        for index in 0..<context.count { context.start[index] = 0 }
        #expect(try given.unet(given.sample, timestep: 500, given.conditions, pass).values.values == first)
        given.conditions.projections = nil
        #expect(try given.unet(given.sample, timestep: 500, given.conditions, pass).values.values != first)
    }

    @Test("Pictures evaluated together are those evaluated alone, to the bit", arguments: ComputeType.allCases)
    func together(type: ComputeType) throws {
        let given = try Case("sdxl-tiny", type)
        let pass = ForwardPass(pool: pool)
        let whole = try given.unet(given.sample, timestep: 500, given.conditions, pass)
        try #require(given.sample.batch > 1)
        for picture in 0..<given.sample.batch {
            let alone = given.sample.picture(picture)
            let tokens = given.conditions.context.rows / given.sample.batch
            let context = Matrix(rows: tokens, columns: given.conditions.context.columns)
            context.start.update(from: given.conditions.context.row(picture * tokens), count: context.count)
            var conditions = UNet.Conditions(context: context)
            conditions.pooledText = given.conditions.pooledText.map { [$0[picture]] }
            conditions.numbers = given.conditions.numbers.map { [$0[picture]] }
            let found = try given.unet(alone, timestep: 500, conditions, pass)
            #expect(found.values.values == whole.picture(picture).values.values, "picture \(picture)")
        }
    }
}

extension FeatureMap {
    /// One picture of the batch.
    fileprivate func picture(_ index: Int) -> FeatureMap {
        let out = FeatureMap(batch: 1, height: height, width: width, channels: channels)
        out.values.start.update(from: values.row(index * places), count: out.values.count)
        return out
    }
}
