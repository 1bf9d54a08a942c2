import Foundation
import Testing
import UmbelFormats

/// An adapter of two components with other scales for one of them.
@Suite struct PartScaleTests {
    private static let unet = "unet/diffusion_pytorch_model.safetensors"
    private static let textEncoder = "text_encoder/model.safetensors"

    @Test func `scales of parts reach their parts alone, and merge writes what is served`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("pastel", Samples.pastel).status == 201)
        func file(_ model: String, _ path: String) throws -> Data { try service.file(model, path) }
        let plain = "shapes+pastel"
        #expect(try file(plain, Self.textEncoder) != file("shapes", Self.textEncoder))
        #expect(try file(plain, Self.unet) != file("shapes", Self.unet))

        let withoutText = "shapes+pastel:1:te=0"
        #expect(try file(withoutText, Self.textEncoder) == file("shapes", Self.textEncoder))
        #expect(try file(withoutText, Self.unet) == file(plain, Self.unet))
        #expect(try file("shapes+pastel:0:te=1", Self.textEncoder) == file(plain, Self.textEncoder))
        #expect(try file("shapes+pastel:0:te=1", Self.unet) == file("shapes", Self.unet))
        let blocks = "shapes+pastel:lbw=1" + String(repeating: ",0", count: 16)
        #expect(try file(blocks, Self.textEncoder) == file(plain, Self.textEncoder))
        #expect(try file(blocks, Self.unet) == file("shapes", Self.unet))

        let merge = try umbel(
            "merge", "--base", Samples.pipeline, "--adapter", "\(Samples.pastel):1:te=0", "--out", "merged",
            in: service.scratch)
        #expect(merge.status == 0, "\(merge.errors)")
        for path in [Self.unet, Self.textEncoder] {
            #expect(try service.scratch.read("merged/" + path) == file(withoutText, path), "\(path)")
        }
    }

    @Test func `what the scales say already makes no other variant, and what no base has is refused`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("pastel", Samples.pastel).status == 201)
        func id(_ model: String) throws -> String? { try service.get("/v1/models/\(model)/files").json["id"]?.string }
        let plain = try id("shapes+pastel:0.5")
        #expect(plain != nil)
        #expect(try id("shapes+pastel:0.5:te=0.5:unet=0.50") == plain)
        #expect(try id("shapes+pastel:0.5:te=0.4") != plain)
        let refused = try service.get("/v1/models/shapes+pastel:lbw=1,0,1/files")
        #expect(refused.status == 400)
        #expect(try refused.json["code"]?.string == "invalid_reference")
    }
}
