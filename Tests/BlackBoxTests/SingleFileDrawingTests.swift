import Foundation
import Testing
import UmbelFormats

/// Checkpoints in one file, from the real binary.
@Suite struct SingleFileDrawingTests {
    @Test(arguments: [nil, Samples.outline, Samples.pastel, Samples.tilt])
    func `a checkpoint in one file draws what its folder draws`(_ adapter: String?) throws {
        let scratch = try Scratch()
        let single = try SingleFileSample.write("shapes", in: scratch)
        var pictures: [Data] = []
        for (base, out) in [(single, "single.png"), (Samples.pipeline, "folder.png")] {
            let adapters = adapter.map { ["--adapter", "style=\($0)"] } ?? []
            let drawn = try Program(
                Programs.umbel,
                [
                    "draw", "a red circle", "--seed", "1", "--steps", "4", "--base", "shapes=\(base)", "--model",
                    adapter == nil ? "shapes" : "shapes+style:0.8", "-o", out,
                ] + adapters, scratch: scratch
            ).finish()
            #expect(drawn.status == 0, "\(drawn.errors)")
            pictures.append(try Self.pixels(scratch.read(out)))
        }
        #expect(pictures[0] == pictures[1] && pictures[0].count > 1000)
    }

    @Test func `a checkpoint in one file is listed and drawn with by the web UIs' calls`() throws {
        let scratch = try Scratch()
        let single = try SingleFileSample.write("ink", in: scratch)
        let service = try Service(["shapes": Samples.pipeline, "ink": single, "main": Samples.main])
        let titles = try service.get("/sdapi/v1/sd-models").json.array?.compactMap { $0["title"]?.string }
        #expect(titles == ["shapes", "ink"])
        let answers = try ["shapes", "ink"].map { base in
            try service.post(
                "/sdapi/v1/txt2img",
                #"{"prompt":"a red circle","seed":1,"steps":4,"override_settings":{"sd_model_checkpoint":"\#(base)"}}"#)
        }
        #expect(answers.map(\.status) == [200, 200], "\(answers[1].text)")
        let pictures = try answers.map { answer in
            let text = try #require(try answer.json["images"]?.array?.first?.string)
            return try Self.pixels(#require(Data(base64Encoded: text)))
        }
        #expect(pictures[0] == pictures[1])
    }

    @Test func `a checkpoint whose vocabulary is not CLIP's is refused by the tensor's name`() throws {
        let scratch = try Scratch()
        let single = try SingleFileSample.write("ink", companions: false, in: scratch)
        let drawn = try umbel("draw", "x", "--base", "ink=\(single)", "-o", "x.png", in: scratch)
        #expect(drawn.status == 3)
        #expect(drawn.errors.contains("embeddings.token_embedding.weight” has 1000 tokens"), "\(drawn.errors)")
    }

    /// What the files' pixels were compressed to; the texts beside them differ.
    private static func pixels(_ png: Data) throws -> Data {
        var pixels = Data()
        var rest = png.dropFirst(8)
        while rest.count >= 12 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            if rest.dropFirst(4).prefix(4).elementsEqual("IDAT".utf8) { pixels += rest.dropFirst(8).prefix(length) }
            rest = rest.dropFirst(12 + length)
        }
        return pixels
    }
}
