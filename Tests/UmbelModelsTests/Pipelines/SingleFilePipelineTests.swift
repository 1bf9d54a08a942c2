import Testing
import UmbelModels
import UmbelTensor

@Suite("Pipelines that are one file")
struct SingleFilePipelineTests {
    private let pool = ComputePool(threads: 2)

    @Test(
        "A file with its folder's small files beside it draws what the folder draws",
        arguments: ["sd2-tiny", "sdxl-tiny"])
    func pictures(name: String) throws {
        let folder = FolderOnDisk(path: "\(TestFiles.drawing)/\(name)")
        let file = try SingleFile(path: "\(TestFiles.drawing)/single-files/\(name).safetensors")
        let (single, whole) = try (DiffusionParts(file, beside: folder), DiffusionParts(folder))
        var parts: [String: any WeightSource] = [:]
        var components: [String: any WeightSource] = [:]
        for component in file.components {
            parts[component] = try file.weights(component)
            components[component] = try ComponentFiles.weights(in: "\(folder.path)/\(component)")
        }
        let found = try draw(single) { parts[$0] ?? TensorsByName([:]) }
        let expected = try draw(whole) { components[$0] ?? TensorsByName([:]) }
        #expect(found.pixels == expected.pixels && found.width == expected.width)
        #expect(Set(found.pixels).count > 10)
    }

    private func draw(
        _ parts: DiffusionParts, _ weights: (String) -> any WeightSource
    ) throws -> DrawnPicture {
        let networks = try parts.networks(weights)
        var request = DrawingRequest()
        request.prompt = "a red circle"
        request.negativePrompt = "blue"
        request.seed = 3
        request.steps = 3
        let pictures = try StableDiffusion(parts.pipeline, pool: pool).draw(
            request, networks: { _ in networks }, progress: { _ in })
        return try #require(pictures.first)
    }
}
