import Testing
import UmbelFormats
import UmbelModels

@Suite("CLIP's tokenizer")
struct CLIPTokenizerTests {
    @Test("Prompts of the reference pictures give their padded ids")
    func goldens() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        let goldens = try #require(TextFixtures.json("cases.json")["goldens"]?.array)
        #expect(goldens.count == 31)
        for golden in goldens {
            let text = try #require(golden["text"]?.string)
            let tokens = tokenizer.paddedTokens(of: text, length: 77)
            #expect(tokens == TextFixtures.tokens(golden["padded"]), "\(text.debugDescription)")
        }
    }

    @Test("Odd texts give the ids of the reference, whatever the configuration says", arguments: 0..<5)
    func configurations(index: Int) throws {
        let configurations = try #require(TextFixtures.json("cases.json")["configurations"]?.array)
        let configuration = configurations[index]
        let files = try TextFixtures.files(replacing: configuration["files"]?.members ?? [])
        let tokenizer = try CLIPTokenizer(files)
        for entry in try #require(configuration["cases"]?.array) {
            let text = try #require(entry["text"]?.string)
            #expect(tokenizer.tokens(of: text) == TextFixtures.tokens(entry["tokens"]), "\(text.debugDescription)")
        }
        #expect(tokenizer.paddedTokens(of: "a red circle!", length: 12) == TextFixtures.tokens(configuration["padded"]))
    }

    @Test("There is a case for every configuration")
    func configurationCount() throws {
        #expect(try TextFixtures.json("cases.json")["configurations"]?.array?.count == 5)
    }

    @Test("tokenizer.json alone says as much as vocab.json and merges.txt")
    func tokenizerFile() throws {
        let saved = try TextFixtures.json("saved.json")
        var files = TokenizerFiles()
        files.tokenizer = Array(try #require(saved["tokenizer.json"]).text.utf8)
        files.configuration = Array(try #require(saved["tokenizer_config.json"]).text.utf8)
        let tokenizer = try CLIPTokenizer(files)
        let other = try TextFixtures.tokenizer.get()
        let cases = try TextFixtures.json("cases.json")["configurations"]?.array?.first?["cases"]?.array ?? []
        for text in cases.compactMap({ $0["text"]?.string }) {
            #expect(tokenizer.tokens(of: text) == other.tokens(of: text), "\(text.debugDescription)")
        }
        #expect(tokenizer.padToken == other.padToken && tokenizer.maximumLength == other.maximumLength)
    }

    @Test("Merges may be texts with a space between")
    func mergesAsTexts() throws {
        var saved = try TextFixtures.json("saved.json")
        saved = try #require(saved["tokenizer.json"])
        let pairs = try #require(saved["model"]?["merges"]?.array).map { $0.strings ?? [] }
        let vocabulary = try #require(saved["model"]?["vocab"])
        var files = TokenizerFiles()
        let model: JSON = [
            "type": "BPE", "end_of_word_suffix": "</w>", "vocab": vocabulary,
            "merges": .array(pairs.map { JSON($0.joined(separator: " ")) }),
        ]
        files.tokenizer = Array(JSON.object([.init("model", model)]).text.utf8)
        let text = "a small green star"
        #expect(try CLIPTokenizer(files).tokens(of: text) == TextFixtures.tokenizer.get().tokens(of: text))
    }

    @Test("What the folder says about the special tokens is known")
    func specialTokens() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        #expect(tokenizer.beginToken == 998)
        #expect(tokenizer.endToken == 999)
        #expect(tokenizer.padToken == 999)
        #expect(tokenizer.maximumLength == 77)
        #expect(tokenizer.vocabularySize == 1000)
        #expect(tokenizer.commaToken == 267)
    }

    @Test("An empty text is begin, end and padding; the shortest list has no room for more")
    func empty() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        #expect(tokenizer.tokens(of: "") == [])
        #expect(tokenizer.paddedTokens(of: "", length: 4) == [998, 999, 999, 999])
        #expect(tokenizer.paddedTokens(of: "red circle", length: 2) == [998, 999])
    }

    @Test("Files that make no tokenizer are refused with what is wrong")
    func damaged() throws {
        let whole = try TokenizerFiles(folder: TextFixtures.tokenizerFolder)
        func error(_ change: (inout TokenizerFiles) -> Void) -> ModelError? {
            var files = whole
            change(&files)
            do throws(ModelError) {
                _ = try CLIPTokenizer(files)
                return nil
            } catch {
                return error
            }
        }
        #expect(error { $0.vocabulary = nil } == .missingFile("vocab.json"))
        #expect(error { $0.merges = nil } == .missingFile("merges.txt"))
        #expect(error { $0.merges = Array("a b c\n".utf8) } == .malformed(file: "merges.txt", reason: "line 1"))
        #expect(error { $0.merges = Array("q q\n".utf8) } == .malformed(file: "merges.txt", reason: "qq has no id"))
        #expect(error { $0.vocabulary = Array("[]".utf8) } != nil)
        #expect(error { $0.vocabulary = Array("{\"a\":-1}".utf8) } == .malformed(file: "vocab.json", reason: "id of a"))
        #expect(error { $0.vocabulary = Array("{\"a\":1}".utf8) } != nil)
        #expect(error { $0.configuration = Array("{".utf8) } != nil)
        let unigram = Array("{\"model\":{\"type\":\"Unigram\"}}".utf8)
        #expect(
            error { files in
                files.vocabulary = nil
                files.tokenizer = unigram
            } == .unsupported(setting: "tokenizer.json model.type", value: "Unigram"))
    }

    @Test("Tokens give back the words of their text, in normal form")
    func roundTrip() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        let text = "A Red Ünïcode 🙂 star, 12 日本"
        #expect(tokenizer.text(of: tokenizer.paddedTokens(of: text, length: 77)) == "a red ünïcode 🙂 star , 1 2 日本")
        #expect(tokenizer.text(of: [12345, -1]) == "")
    }

    @Test("A word of many letters costs no more than its length")
    func longWord() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        let word = String(repeating: "circle", count: 20_000)
        let tokens = tokenizer.tokens(of: word)
        #expect(tokens.count > 20_000)
        #expect(tokenizer.text(of: tokens) == word)
    }
}
