import Testing
import UmbelAdapters
import UmbelTensor
import UmbelTesting

@testable import UmbelEngine

@Suite("Scales of parts of an adapter")
struct PartStrengthsTests {
    /// The trained pipeline has one layer a block, so that its blocks are IN00–IN05, M00 and OUT00–OUT05.
    @Test(
        "A list of block weights counts the blocks by the U-Net's own number of layers",
        arguments: [
            (3, ["down_blocks.1.downsamplers.0"]), (7, ["mid_block"]),
            (8, ["up_blocks.1.resnets.1", "up_blocks.1.attentions.1", "up_blocks.1.upsamplers.0"]),
            (9, ["up_blocks.2.resnets.0", "up_blocks.2.attentions.0"]), (16, []),
        ])
    func blocks(place: Int, parts: [String]) throws {
        let demo = Goldens.folder + "/../../demo"
        let base = try BaseModel(name: "shapes", path: demo + "/bases/shapes-sd")
        #expect(base.layersPerBlock == [1, 1, 1])
        let adapter = try AdapterFile.open(demo + "/adapters/shapes-sd/locon-outline.safetensors")
        let binding = Binder.bind(adapter, to: base.weights, names: base.names())
        var weights = [String](repeating: "0", count: 17)
        weights[place] = "1"
        let reference = try ModelReference("shapes+outline:lbw=\(weights.joined(separator: ","))")
        let steps = try PartStrengths(try #require(reference.terms.first), base).steps(binding)
        let touched = MergePlan(base: base.weights, steps: steps).touched.map { base.weights.label($0) }
        let blocks = touched.filter { $0.contains("_block") }.map { name in
            let module = name.dropFirst("unet/".count).split(separator: ".")
            return module[0] == "mid_block" ? "mid_block" : module.prefix(4).joined(separator: ".")
        }
        #expect(Set(blocks) == Set(parts))
    }
}
