import Testing
import UmbelModels

/// SplitMix64 (Steele, Lea and Flood 2014): the same texts every time.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Texts of any kind")
struct TextFuzzTests {
    private static let words = [
        "(", ")", "[", "]", "((", "))", ":1.2)", ":", "\\", "|", "BREAK", " BREAK ", "<lora:", "<lyco:a:1>", ">", "=",
        "@",
        "0.5", "1", ",", "red", "circle", "a", "<cat>", "'s", "\u{301}", "\0", "\u{200d}", "🙂", "日", "İ", " ", "\n",
        "<|endoftext|>", "lbw=", "step=1-2", ".", "-", "+",
    ]

    private static func text(_ random: inout Generator) -> String {
        (0..<Int.random(in: 0...40, using: &random)).map { _ in
            if Int.random(in: 0..<4, using: &random) > 0 { return words.randomElement(using: &random) ?? "" }
            return Unicode.Scalar(UInt32.random(in: 0...0x10ffff, using: &random)).map(String.init) ?? "x"
        }.joined()
    }

    @Test("Every text has tokens of the vocabulary, and its words come back from them")
    func tokens() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        for seed in 0..<UInt64(500) {
            var random = Generator(state: seed)
            let text = Self.text(&random)
            let tokens = tokenizer.tokens(of: text)
            #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize }, "seed \(seed)")
            let once = tokenizer.text(of: tokens)
            #expect(tokenizer.text(of: tokenizer.tokens(of: once)) == once, "seed \(seed)")
        }
    }

    @Test("Every prompt has chunks of the same form")
    func prompts() throws {
        let tokenizer = TriggeredTokenizer(
            try TextFixtures.tokenizer.get(), embeddings: [(["red"], 3), (["<cat>", "a"], 0), (["circle"], 80)])
        for seed in 0..<UInt64(500) {
            var random = Generator(state: seed)
            let prompt = Self.text(&random) + Self.text(&random)
            for emphasis in Emphasis.allCases {
                let tokens = PromptTokens(prompt, tokenizer: tokenizer, emphasis: emphasis)
                for chunk in tokens.chunks {
                    #expect(chunk.tokens.count == 77 && chunk.weights.count == 77, "seed \(seed)")
                    #expect(chunk.tokens.first == 998 && chunk.tokens.contains(999), "seed \(seed)")
                    #expect(chunk.weights.allSatisfy { $0.isFinite || emphasis != .none }, "seed \(seed)")
                    #expect(chunk.placements.allSatisfy { (1...75).contains($0.position) }, "seed \(seed)")
                }
                #expect(!tokens.chunks.isEmpty && (emphasis != .none || tokens.chunks.count == 1), "seed \(seed)")
            }
        }
    }

    @Test("A prompt of any length is read through")
    func longPrompt() throws {
        let tokenizer = TriggeredTokenizer(try TextFixtures.tokenizer.get(), embeddings: [(["red"], 2)])
        let prompt = String(repeating: #"(red:1.1), \( a ( [red]"#, count: 3000)
        let tokens = PromptTokens(prompt, tokenizer: tokenizer)
        #expect(tokens.chunks.map(\.placements.count).reduce(0, +) == 12_000)
        #expect(PromptSchedule(prompt, steps: 3).text(at: 0) == prompt)
        let tags = String(repeating: "<lora:", count: 20_000) + ">"
        #expect(throws: NetworkTagError.self) { try NetworkTag.extract(from: tags) }
    }

    @Test("Damaged files make a tokenizer or are refused")
    func files() throws {
        let whole = try TokenizerFiles(folder: TextFixtures.tokenizerFolder)
        var made = 0
        for seed in 0..<UInt64(150) {
            var random = Generator(state: seed)
            func damaged(_ bytes: [UInt8]?) -> [UInt8]? {
                guard var bytes, !bytes.isEmpty else { return bytes }
                for _ in 0..<Int.random(in: 0...2, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[place] = UInt8.random(in: 32...126, using: &random)
                }
                return bytes
            }
            var files = whole
            files.vocabulary = damaged(whole.vocabulary)
            files.merges = damaged(whole.merges)
            files.configuration = damaged(whole.configuration)
            files.specialTokens = damaged(whole.specialTokens)
            guard let tokenizer = try? CLIPTokenizer(files) else { continue }
            made += 1
            let tokens = tokenizer.paddedTokens(of: "A red <|endoftext|> circle 🙂!", length: 20)
            #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize }, "seed \(seed)")
            #expect(tokens.count == 20, "seed \(seed)")
        }
        #expect(made > 0 && made < 150)
    }

    @Test("Every prompt has a schedule that ends with the last step, and its tags are read or refused")
    func schedules() {
        var changing = 0
        var refused = 0
        for seed in 0..<UInt64(1000) {
            var random = Generator(state: seed)
            let prompt = Self.text(&random)
            let schedule = PromptSchedule(prompt, steps: 7)
            #expect(schedule.entries.last?.lastStep == 7, "seed \(seed)")
            #expect(schedule.entries.map(\.lastStep) == schedule.entries.map(\.lastStep).sorted(), "seed \(seed)")
            if schedule.entries.count > 1 { changing += 1 }
            do {
                let (text, _) = try NetworkTag.extract(from: prompt)
                #expect(text.utf8.count <= prompt.utf8.count, "seed \(seed)")
            } catch {
                refused += 1
            }
        }
        #expect(changing > 0 && refused > 0)
    }
}
