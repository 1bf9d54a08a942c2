import Testing
import UmbelModels

@Suite("Prompts as chunks of tokens")
struct PromptTokensTests {
    private let plain: TriggeredTokenizer
    private let red: Int32
    private let comma: Int32

    init() throws {
        let tokenizer = try TextFixtures.tokenizer.get()
        plain = TriggeredTokenizer(tokenizer)
        red = tokenizer.tokens(of: "red")[0]
        comma = try #require(tokenizer.commaToken)
    }

    private func words(_ count: Int) -> String { Array(repeating: "red", count: count).joined(separator: " ") }

    /// How many tokens of the prompt each chunk has.
    private func lengths(_ tokens: PromptTokens) -> [Int] {
        tokens.chunks.map { ($0.tokens.firstIndex(of: 999) ?? 0) - 1 }
    }

    @Test("Without syntax a prompt is what the reference pipeline takes, cut at 77 tokens")
    func withoutSyntax() {
        for prompt in ["", "a (red:1.3) circle BREAK [blue]", words(200)] {
            let tokens = PromptTokens(prompt, tokenizer: plain, emphasis: .none)
            #expect(tokens.chunks.map(\.tokens) == [plain.tokenizer.paddedTokens(of: prompt, length: 77)])
            #expect(tokens.chunks.allSatisfy { $0.weights.allSatisfy { $0 == 1 } })
        }
    }

    @Test("Weights stand where their words are, and are 1 at begin, end and padding")
    func weights() {
        let chunk = PromptTokens("red (red red:1.5) red", tokenizer: plain).chunks[0]
        #expect(chunk.tokens.prefix(7) == [998, red, red, red, red, 999, 999])
        #expect(chunk.weights.prefix(7) == [1, 1, 1.5, 1.5, 1, 1, 1])
    }

    @Test("A long prompt goes on in further chunks", arguments: [(75, [75]), (76, [75, 1]), (151, [75, 75, 1])])
    func long(count: Int, expected: [Int]) {
        #expect(lengths(PromptTokens(words(count), tokenizer: plain)) == expected)
    }

    @Test("What follows the last comma of a full chunk moves on with the rest of its phrase, if it is near")
    func commas() {
        let near = words(60) + ", " + words(20)
        #expect(lengths(PromptTokens(near, tokenizer: plain)) == [61, 20])
        #expect(lengths(PromptTokens(near, tokenizer: plain, commaReach: 10)) == [75, 6])
        #expect(lengths(PromptTokens(near, tokenizer: plain, commaReach: 0)) == [75, 6])
        // The phrase fits when nothing comes after it, and a comma as the 76th token begins the next chunk.
        #expect(lengths(PromptTokens(words(60) + ", " + words(14), tokenizer: plain)) == [75])
        #expect(lengths(PromptTokens(words(75) + ", red", tokenizer: plain)) == [75, 2])
        #expect(lengths(PromptTokens(words(54) + ", " + words(30), tokenizer: plain)) == [75, 10])
        #expect(lengths(PromptTokens(words(55) + ", " + words(30), tokenizer: plain)) == [56, 30])
    }

    @Test("BREAK begins a chunk")
    func breaks() {
        #expect(lengths(PromptTokens("red BREAK red red", tokenizer: plain)) == [1, 2])
        #expect(lengths(PromptTokens("red BREAK", tokenizer: plain)) == [1])
        #expect(lengths(PromptTokens("BREAK red", tokenizer: plain)) == [0, 1])
    }

    @Test("The shorter of two prompts is filled with empty chunks")
    func filled() {
        let tokens = PromptTokens("red", tokenizer: plain)
        let chunks = tokens.chunks(filledTo: 3)
        #expect(chunks.count == 3)
        #expect(chunks[1] == chunks[2])
        #expect(chunks[1].tokens == plain.tokenizer.paddedTokens(of: "", length: 77))
        #expect(tokens.chunks(filledTo: 0) == tokens.chunks)
    }

    @Test("Another pad token fills the places after the end")
    func padding() throws {
        let files = try TextFixtures.files(replacing: [.init("special_tokens_map.json", ["pad_token": "!"])])
        let tokenizer = TriggeredTokenizer(try CLIPTokenizer(files))
        #expect(PromptTokens("red", tokenizer: tokenizer).chunks[0].tokens.prefix(5) == [998, red, 999, 0, 0])
    }

    @Test("A trigger word makes room for the vectors of its embedding")
    func triggers() throws {
        let tokenizer = TriggeredTokenizer(
            plain.tokenizer, embeddings: [(["my style"], 2), (["<cat>", "cat-1"], 1), (["gone"], 0)])
        let chunk = PromptTokens("red (My  Style:1.2), <CAT>,cat-1 gone", tokenizer: tokenizer).chunks[0]
        #expect(
            chunk.placements == [
                .init(position: 2, embedding: 0, vector: 0), .init(position: 3, embedding: 0, vector: 1),
                .init(position: 5, embedding: 1, vector: 0), .init(position: 7, embedding: 1, vector: 0),
            ])
        #expect(chunk.tokens.prefix(9) == [998, red, 0, 0, comma, 0, comma, 0, 999])
        #expect(chunk.weights.prefix(5) == [1, 1, 1.2, 1.2, 1])
    }

    @Test("A trigger word within another word is none, and the longer of two is taken")
    func triggersInWords() {
        let tokenizer = TriggeredTokenizer(plain.tokenizer, embeddings: [(["bad"], 1), (["bad hand"], 2)])
        func found(_ prompt: String) -> [Int] {
            PromptTokens(prompt, tokenizer: tokenizer).chunks[0].placements.map(\.embedding)
        }
        #expect(found("bad_1 badly abad bad2") == [])
        #expect(found("bad, BAD hand") == [0, 1, 1])
        #expect(found("\"bad\"") == [0])
    }

    @Test("An embedding stays in one chunk unless it is larger")
    func largeEmbeddings() {
        let tokenizer = TriggeredTokenizer(plain.tokenizer, embeddings: [(["ten"], 10), (["huge"], 160)])
        let ten = PromptTokens(words(70) + " ten", tokenizer: tokenizer)
        #expect(ten.chunks.map(\.placements.count) == [0, 10])
        let huge = PromptTokens("huge", tokenizer: tokenizer)
        #expect(huge.chunks.map(\.placements.count) == [75, 75, 10])
        #expect(huge.chunks[2].placements.map(\.vector) == Array(150..<160))
        let cut = PromptTokens("huge", tokenizer: tokenizer, emphasis: .none)
        #expect(cut.chunks.map(\.placements.count) == [75])
    }
}
