import Testing
import UmbelImages
import UmbelTesting

@Suite("Generation parameters")
struct GenerationParametersTests {
    static let written = GenerationParameters(
        prompt: "a (red:1.2) circle, <lora:ink:0.8>", negativePrompt: "blurred,\nugly",
        settings: [
            .init("Steps", "20"), .init("Sampler", "Euler a"), .init("CFG scale", GenerationParameters.number(7)),
            .init("Seed", "1"), .init("Size", "512x512"), .init("Model", "shapes"),
            .init("Lora hashes", "ink: 1a2b, tilt: 3c4d"), .init("Version", "umbel 1.0"),
        ])

    @Test("They are written as the web UIs write them")
    func text() {
        #expect(
            Self.written.text == """
                a (red:1.2) circle, <lora:ink:0.8>
                Negative prompt: blurred,
                ugly
                Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: shapes, \
                Lora hashes: "ink: 1a2b, tilt: 3c4d", Version: umbel 1.0
                """)
        #expect(GenerationParameters(text: Self.written.text) == Self.written)
    }

    @Test("Texts of web UIs are read")
    func foreign() {
        let text = """
            masterpiece, a cat\r
            sitting\r
            Negative prompt: lowres\r
            Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 5.5, Seed: 42, Size: 512x768, Model hash: e1441589a6, \
            Model: v1-5, Denoising strength: 0.4, Tiling, ControlNet 0: "Module: canny, \\"x\\": \\u5706, a\\nb", \
            TI hashes: "bad: 12", Version: v1.10.1
            """
        let parameters = GenerationParameters(text: text)
        #expect(parameters.prompt == "masterpiece, a cat\nsitting")
        #expect(parameters.negativePrompt == "lowres")
        #expect(parameters["Sampler"] == "DPM++ 2M Karras")
        #expect(parameters["Tiling"] == "Tiling")
        #expect(parameters["ControlNet 0"] == "Module: canny, \"x\": 圆, a\nb")
        #expect(parameters["TI hashes"] == "bad: 12")
        #expect(parameters["Version"] == "v1.10.1")
        #expect(parameters["Missing"] == nil)
    }

    @Test(
        "What is no list of settings is the prompt",
        arguments: [
            "", "a cat", "a cat, a dog, a bird", "one: 1, two: 2", "(cat:1.2), (dog:1.3), (bird:1.1)", "a\nb\n", "\n",
        ])
    func noSettings(text: String) {
        let parameters = GenerationParameters(text: text)
        #expect(parameters.prompt == text)
        #expect(parameters.settings.isEmpty)
        #expect(parameters.text == text)
    }

    @Test(
        "Damaged quotes are taken as they stand",
        arguments: [
            ("Steps: 1, A: \"x", "\"x"), ("Steps: 1, A: \"x\" y", "\"x\" y"), ("Steps: 1, A: \"\\q\"", "\"\\q\""),
            ("Steps: 1, A: \"\\u12\"", "\"\\u12\""), ("Steps: 1, A: \"\\ud800\"", "\"\\ud800\""),
        ])
    func damagedQuotes(text: String, value: String) {
        #expect(GenerationParameters(text: text)["A"] == value)
    }

    @Test("A surrogate pair in a quoted value is one character")
    func surrogates() {
        #expect(GenerationParameters(text: "Steps: 1, A: \"\\ud83d\\ude42\"")["A"] == "🙂")
    }

    @Test("A setting is changed in its place, added at the end, removed")
    func settings() {
        var parameters = Self.written
        parameters["Seed"] = "7"
        #expect(parameters.settings[3] == .init("Seed", "7"))
        parameters["Clip skip"] = "2"
        #expect(parameters.settings.last == .init("Clip skip", "2"))
        parameters["Steps"] = nil
        #expect(parameters["Steps"] == nil)
        #expect(parameters.settings.count == Self.written.settings.count)
    }

    @Test(
        "Numbers have no fraction of zeros",
        arguments: [(7, "7"), (7.5, "7.5"), (-1, "-1"), (0.1, "0.1"), (1e20, "1e+20")])
    func numbers(value: Double, text: String) {
        #expect(GenerationParameters.number(value) == text)
    }

    @Test("Whatever is written is read back")
    func roundTrip() {
        let letters = Array("ab,:\"\\ \n\t()<>0圆é\u{301}🙂-/.\u{1}".unicodeScalars)
        func word(_ length: Int, _ generator: inout SeededGenerator) -> String {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...length, using: &generator) {
                scalars.append(letters[Int.random(in: 0..<letters.count, using: &generator)])
            }
            return String(scalars)
        }
        Fuzz.run { generator, seed in
            var parameters = GenerationParameters(prompt: word(30, &generator), negativePrompt: word(30, &generator))
            parameters.settings = [.init("Steps", "20")]
            for index in 0..<Int.random(in: 0...6, using: &generator) {
                parameters.settings.append(.init("Name \(index)", word(12, &generator)))
            }
            #expect(GenerationParameters(text: parameters.text) == parameters, "\(seed)")
        }
    }

    @Test("Any text says something, and says the same when it is written again")
    func stable() {
        let dictionary = ["\n", "Negative prompt: ", "Steps: ", ", ", ": ", "\"", "\\", "\\u00", "a", "圆"]
        Fuzz.run { generator, seed in
            var bytes = Array(Self.written.text.utf8)
            generator.mutate(&bytes, dictionary: dictionary)
            let once = GenerationParameters(text: String(decoding: bytes, as: UTF8.self))
            #expect(GenerationParameters(text: once.text).text == once.text, "\(seed)")
        }
    }
}
