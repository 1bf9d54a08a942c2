import Testing
import UmbelFormats
import UmbelModels

@Suite("CLIP's own tokenizer")
struct BuiltInTokenizerTests {
    @Test("Texts give the ids of the reference, whatever it pads with", arguments: 0..<2)
    func reference(index: Int) throws {
        let reference = try #require(TextFixtures.json("clip.json").array?[index])
        let tokenizer = try CLIPTokenizer(builtInWithPadding: try #require(reference["pad"]?.string))
        let cases = try #require(reference["cases"]?.array)
        #expect(cases.count == [162, 12][index])
        for entry in cases {
            let text = try #require(entry["text"]?.string)
            #expect(tokenizer.tokens(of: text) == TextFixtures.tokens(entry["tokens"]), "\(text.debugDescription)")
        }
        #expect(tokenizer.paddedTokens(of: "a red circle!", length: 12) == TextFixtures.tokens(reference["padded"]))
    }

    @Test("Its vocabulary is CLIP's")
    func vocabulary() throws {
        let tokenizer = try CLIPTokenizer(builtInWithPadding: "!")
        #expect(tokenizer.vocabularySize == 49408 && CLIPTokenizer.builtInSize == 49408)
        #expect(tokenizer.beginToken == 49406 && tokenizer.endToken == 49407 && tokenizer.padToken == 0)
        #expect(tokenizer.commaToken == 267 && tokenizer.maximumLength == 77)
        #expect(throws: ModelError.self) { try CLIPTokenizer(builtInWithPadding: "no such token") }
    }
}
