import Foundation
import Testing
import UmbelTesting

@testable import umbel

@Suite("Settings")
struct SettingsTests {
    private static let shipped = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Config/umbel.yaml")

    private func configuration(
        _ text: String? = nil, environment: [String: String] = [:], flags: [String: String] = [:],
        bases: [(name: String, path: String)] = []
    ) throws -> Configuration {
        try Configuration(
            file: text.map { ("umbel.yaml", $0) }, environment: environment, flags: flags, bases: bases)
    }

    private func message(_ body: () throws -> Configuration) -> String {
        do {
            _ = try body()
            return ""
        } catch {
            return (error as? CommandFailure)?.message ?? "\(error)"
        }
    }

    @Test("The settings file that ships holds every setting, with its default")
    func shippedFile() throws {
        let text = try String(contentsOf: Self.shipped, encoding: .utf8)
        var values = SettingValues()
        try values.read(file: "Config/umbel.yaml", text: text)
        for setting in Setting.all {
            #expect(values.isSet(setting), "\(setting.key) is missing")
            #expect(values.text(setting) == setting.defaultText, "\(setting.key)")
        }
        #expect(values.bases.isEmpty)
    }

    @Test("Every setting in the file that ships has a comment of its own above it")
    func shippedComments() throws {
        let lines = try String(contentsOf: Self.shipped, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        for setting in Setting.all {
            let name = "  \(setting.key.split(separator: ".").last ?? ""):"
            let places = lines.indices.filter { lines[$0].hasPrefix(name) }
            #expect(places.contains { lines[$0 - 1].hasPrefix("  #") }, "\(setting.key)")
        }
    }

    @Test("Defaults are valid, and the same as those of an empty file")
    func defaults() throws {
        for text in [nil, "", "# nothing\n", "bases:\n", "server:\n  listen:\n"] as [String?] {
            let configuration = try configuration(text)
            #expect(configuration.host == "127.0.0.1" && configuration.port == 8080)
            #expect(configuration.cacheBytes == nil && configuration.threads == nil)
            #expect(configuration.bases.isEmpty)
        }
    }

    @Test(
        "A flag beats the environment, the environment the file, the file the default", arguments: Setting.all.indices)
    func precedence(_ index: Int) throws {
        let setting = Setting.all[index]
        var values = SettingValues()
        #expect(values.text(setting) == setting.defaultText)
        let parts = setting.key.split(separator: ".")
        try values.read(file: "f", text: "\(parts[0]):\n  \(parts[1]): from-file\n")
        #expect(values.text(setting) == "from-file")
        try values.read(environment: [setting.environmentName: "from-environment", "PATH": "/bin"])
        #expect(values.text(setting) == "from-environment")
        values.set(setting.key, "from-flag", origin: "the command line")
        #expect(values.text(setting) == "from-flag")
    }

    @Test("An unknown key stops the start and names the nearest one")
    func unknownKeys() {
        #expect(message { try configuration("server:\n  lisen: a:1\n") }.contains("server.listen"))
        #expect(message { try configuration("cache: {bites: 1}\n") }.contains("cache.bytes"))
        #expect(message { try configuration("base:\n  a: b\n") }.contains("bases"))
        #expect(message { try configuration("zzzzzzzzzz: 1\n") }.contains("zzzzzzzzzz"))
        #expect(
            message { try configuration(environment: ["UMBEL_SERVER_LISTN": "a:1"]) }.contains("UMBEL_SERVER_LISTEN"))
        #expect(message { try configuration(environment: ["UMBEL_FUZZ_SEED": "1"]) } == "", "variables of the tests")
    }

    @Test("A bad value is refused with its key, the value and where it stood")
    func badValues() {
        for (key, value) in [
            ("server.listen", "8080"), ("server.listen", ":8080"), ("server.listen", "a:65536"),
            ("server.workers", "0"),
            ("server.connections", "many"), ("server.head_timeout", "0"), ("server.idle_timeout", "-1"),
            ("server.stall_timeout", "inf"), ("adapters.upload_bytes", "1.5"), ("cache.bytes", "-1"),
            ("compute.threads", "0"), ("log.level", "loud"), ("drawing.compute_type", "f16"),
            ("drawing.layer_bytes", "-1"), ("drawing.decode_bytes", "auto"),
        ] {
            let text = message { try configuration(flags: [key: value]) }
            #expect(text.contains(key) && text.contains(value) && text.contains("the command line"), "\(text)")
        }
        #expect(message { try configuration("server: [1]\n") }.contains("server"))
        #expect(message { try configuration("a: [\n") }.contains("YAML"))
        #expect(message { try configuration("- a\n") }.contains("umbel.yaml"))
        #expect(message { try configuration("bases: [a]\n") }.contains("bases"))
    }

    @Test("Pictures are computed in f32 unless a setting says otherwise")
    func computeType() throws {
        #expect(try configuration().painting.computeType == .f32)
        #expect(try configuration("drawing: {compute_type: bf16}\n").painting.computeType == .bf16)
        #expect(try configuration(environment: ["UMBEL_DRAWING_LAYER_BYTES": "7"]).painting.layerBytes == 7)
        #expect(try configuration(flags: ["drawing.decode_bytes": "5"]).painting.autoencoderBytes == 5)
    }

    @Test("Addresses may be of version 6")
    func addresses() throws {
        let configuration = try configuration(flags: ["server.listen": "[::1]:0"])
        #expect(configuration.host == "::1" && configuration.port == 0)
    }

    @Test("Bases of the command line come first and replace those of the file")
    func bases() throws {
        let configuration = try configuration(
            "bases:\n  a: /file/a\n  b: /file/b\n", bases: [("b", "/flag/b"), ("c", "/flag/c")])
        #expect(configuration.bases.map(\.name) == ["b", "c", "a"])
        #expect(configuration.bases.map(\.path) == ["/flag/b", "/flag/c", "/file/a"])
    }
}

extension SettingValues {
    /// Whether the text comes from anywhere but the default.
    fileprivate func isSet(_ setting: Setting) -> Bool {
        text(Setting(key: setting.key, description: "", defaultText: "\u{0}")) != "\u{0}"
    }
}
