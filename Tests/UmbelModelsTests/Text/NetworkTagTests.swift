import Testing
import UmbelModels

@Suite("Adapters in prompts")
struct NetworkTagTests {
    private func tag(_ text: String) throws -> NetworkTag {
        try #require(try NetworkTag.extract(from: "<\(text)>").tags.first)
    }

    private func error(_ text: String) -> NetworkTagError? {
        do throws(NetworkTagError) {
            _ = try NetworkTag.extract(from: text)
            return nil
        } catch {
            return error
        }
    }

    @Test("Tags are taken out of a prompt, and other text in angle brackets is not")
    func extraction() throws {
        let (prompt, tags) = try NetworkTag.extract(from: "a<lora:one:0.5> <3 <b> <lyco:two>c > <lora <hat:1>")
        #expect(prompt == "a <3 <b> c > <lora <hat:1>")
        #expect(tags.map(\.name) == ["one", "two"])
        #expect(tags.map(\.kind) == [.lora, .lyco])
        #expect(try NetworkTag.extract(from: "<lora:open").prompt == "<lora:open")
    }

    @Test(
        "Strengths are given by position or by name",
        arguments: [
            ("lora:a", 1, 1), ("lora:a:0.5", 0.5, 0.5), ("lora:a:0.5:0.7", 0.5, 0.7), ("lora:a:te=0.5", 0.5, 0.5),
            ("lora:a:unet=0.5", 1, 0.5), ("lora:a:0.5:unet=0.7", 0.5, 0.7), ("lora:a:te=0.2:0.5:0.7", 0.2, 0.7),
            ("lora:a:-1: .5 ", -1, 0.5),
        ] as [(String, Double, Double)])
    func strengths(text: String, textEncoder: Double, unet: Double) throws {
        let tag = try tag(text)
        #expect(tag.textEncoderStrength == textEncoder)
        #expect(tag.unetStrength(at: 0, of: 20) == unet)
        #expect(tag.unet.isConstant)
    }

    @Test("A strength may change with the steps")
    func steps() throws {
        let tag = try tag("lora:ink:1:0@0.0,1@0.4")
        #expect((0..<5).map { tag.unetStrength(at: $0, of: 5) } == [0, 0, 1, 1, 1])
        #expect(!tag.unet.isConstant)
        let numbers = try #require(StepWeights("0.2@0; 1@3"))
        #expect((0..<5).map { numbers.weight(at: $0, of: 50) } == [0.2, 0.2, 0.2, 1, 1])
        let late = try #require(StepWeights("1@4,0.5@2"))
        #expect((0..<6).map { late.weight(at: $0, of: 6) } == [0.5, 0.5, 0.5, 0.5, 1, 1])
        #expect(StepWeights("1,2") == nil && StepWeights("1@a") == nil && StepWeights("") == nil)
    }

    @Test("An adapter may act in some steps only")
    func window() throws {
        let tag = try tag("lora:a:0.5:start=2:stop=0.5")
        #expect((0..<8).map { tag.unetStrength(at: $0, of: 8) } == [0, 0, 0.5, 0.5, 0, 0, 0, 0])
        let other = try self.tag("lora:a:step=2-4")
        #expect(other.start == .step(2) && other.stop == .step(4))
    }

    @Test("Rank and weights of blocks are read")
    func options() throws {
        #expect(try tag("lora:a:dyn=4").dynamicRank == 4)
        #expect(try tag("lora:a:1:1:8").dynamicRank == 8)
        let ones = Array(repeating: "1", count: 12).joined(separator: ",")
        #expect(try tag("lora:a:lbw=\(ones)").blockWeights == BlockWeights(Array(repeating: 1, count: 12)))
        #expect(try tag("lora:a:1:lbw=OUTALL").blockWeights == BlockWeights.preset("OUTALL"))
    }

    @Test("What a tag says and nobody knows is refused by its name")
    func refused() {
        #expect(error("<lora:>") == .missingName)
        #expect(error("<lora::1>") == .missingName)
        #expect(error("<lora:a:x=1>") == .unknownOption(tag: "a", option: "x"))
        #expect(error("<lora:a:one>") == .invalidValue(tag: "a", option: "te", value: "one"))
        #expect(error("<lora:a:>") == .invalidValue(tag: "a", option: "te", value: ""))
        #expect(error("<lora:a:1:2:3:4>") == .surplusValue(tag: "a", value: "4"))
        #expect(error("<lora:a:dyn=0>") == .invalidValue(tag: "a", option: "dyn", value: "0"))
        #expect(error("<lora:a:te=1:te=2>") == .repeatedOption(tag: "a", option: "te"))
        #expect(error("<lora:a:lbw=1,2,3>") == .blockWeightCount(tag: "a", count: 3))
        #expect(error("<lora:a:lbw=R,1>") == .invalidValue(tag: "a", option: "lbw", value: "R,1"))
        #expect(error("<lora:a:step=3>") == .invalidValue(tag: "a", option: "step", value: "3"))
        #expect(error("<lora:a:step=1-3:start=2>") == .repeatedOption(tag: "a", option: "start"))
        #expect(error("<lora:a:start=soon>") == .invalidValue(tag: "a", option: "start", value: "soon"))
    }
}
