import Foundation
import Testing

/// Any cut of a merged file is the same file.
@Suite struct RangeTests {
    private static let path = "/v1/models/main+ink:0.8/files/main_fp32.safetensors"
    private let service: Service
    private let whole: Data

    init() throws {
        service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        whole = try service.file("main+ink:0.8")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random cuts concatenate to the whole, in whatever order they are asked for`(seed: UInt64) throws {
        // A service that has merged nothing yet, so that the first cuts find nothing in memory.
        let fresh = try Service.main()
        #expect(try fresh.put("ink", Samples.plain).status == 201)
        var random = SeededGenerator(seed: seed)
        let inner = (0..<30).map { _ in Int.random(in: 1..<whole.count, using: &random) }
        let cuts = [0] + Set(inner).sorted() + [whole.count]
        var pieces: [Int: Data] = [:]
        for (start, end) in zip(cuts, cuts.dropFirst()).shuffled(using: &random) {
            let answer = try fresh.get(Self.path, ["Range": "bytes=\(start)-\(end - 1)"])
            #expect(answer.status == 206)
            #expect(answer["content-range"] == "bytes \(start)-\(end - 1)/\(whole.count)")
            pieces[start] = answer.body
        }
        let joined = cuts.dropLast().reduce(into: Data()) { $0 += pieces[$1] ?? Data() }
        #expect(joined == whole, "seed \(seed)")
    }

    @Test func `suffixes, open ends and single bytes are what they say`() throws {
        let count = whole.count
        for (range, expected) in [
            ("bytes=-10", (count - 10)..<count), ("bytes=\(count - 3)-", (count - 3)..<count), ("bytes=0-0", 0..<1),
            ("bytes=-\(count * 2)", 0..<count), ("bytes=5-\(count * 2)", 5..<count),
        ] {
            let answer = try service.get(Self.path, ["Range": range])
            #expect(answer.status == 206, "\(range)")
            #expect(answer.body == whole[expected], "\(range)")
        }
        for range in ["bytes=5-1", "bytes=x-", "lines=0-1", "bytes=", "0-1"] {
            let answer = try service.get(Self.path, ["Range": range])
            #expect(answer.status == 200, "\(range) is ignored")
            #expect(answer.body == whole)
        }
    }

    @Test func `what lies outside is 416 with the length and a problem`() throws {
        let answer = try service.get(Self.path, ["Range": "bytes=\(whole.count)-"])
        #expect(answer.status == 416)
        #expect(answer["content-range"] == "bytes */\(whole.count)")
        #expect(answer.codes == ["range_not_satisfiable"])
    }

    @Test func `conditions decide between 200, 206, 304 and 412`() throws {
        let first = try service.get(Self.path)
        let tag = try #require(first["etag"])
        #expect(first["accept-ranges"] == "bytes")
        #expect(!tag.hasPrefix("W/"))
        #expect(tag.count != 66, "a tag of 64 digits would be taken for a SHA-256 of the bytes")
        let same = try service.get(Self.path, ["If-None-Match": tag])
        #expect(same.status == 304)
        #expect(same["etag"] == tag)
        #expect(try service.get(Self.path, ["If-None-Match": "\"other\""]).status == 200)
        let range = "bytes=0-9"
        #expect(try service.get(Self.path, ["Range": range, "If-Range": tag]).status == 206)
        #expect(try service.get(Self.path, ["Range": range, "If-Range": "\"other\""]).status == 200)
        #expect(try service.get(Self.path, ["If-Match": tag]).status == 200)
        let failed = try service.get(Self.path, ["If-Match": "\"other\""])
        #expect(failed.status == 412)
        #expect(failed.codes == ["precondition_failed"])
    }

    @Test func `variants, types and files have tags of their own`() throws {
        let targets = [
            Self.path, Self.path + "?dtype=bf16", "/v1/models/main/files/main_fp32.safetensors",
            "/v1/models/main+ink:0.9/files/main_fp32.safetensors",
        ]
        let tags = try targets.map { try service.request("HEAD", $0)["etag"] ?? "" }
        #expect(Set(tags).count == targets.count)
    }

    // MARK: curl

    @Test(.enabled(if: Programs.hasCurl, "curl is missing"))
    func `curl fetches several ranges at once`() throws {
        let result = try curl("-i", "-r", "0-9,100-149,-5", service.url + Self.path, in: service.scratch)
        #expect(result.status == 0)
        #expect(result.output.starts(with: Data("HTTP/1.1 206".utf8)))
        for (range, bytes) in [
            ("0-9", whole[0..<10]), ("100-149", whole[100..<150]),
            ("\(whole.count - 5)-\(whole.count - 1)", whole[(whole.count - 5)...]),
        ] {
            let head = Data("Content-Range: bytes \(range)/\(whole.count)\r\n\r\n".utf8)
            let found = try #require(result.output.range(of: head), "\(range)")
            #expect(result.output[found.upperBound...].prefix(bytes.count) == bytes)
        }
    }

    @Test(.enabled(if: Programs.hasCurl, "curl is missing"))
    func `curl resumes a download that was cut off`() throws {
        let file = try service.scratch.write("partial", whole.prefix(12_345))
        let result = try curl("-C", "-", "-o", file, "-w", "%{http_code}", service.url + Self.path, in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text == "206")
        #expect(try service.scratch.read("partial") == whole)
    }

    @Test(.enabled(if: Programs.hasCurl, "curl is missing"))
    func `curl asks for compression and gets the same`() throws {
        #expect(try curl("--compressed", service.url + Self.path, in: service.scratch).output == whole)
        let plain = try curl(service.url + "/openapi.json", in: service.scratch)
        let packed = try curl("-D", "head", "--compressed", service.url + "/openapi.json", in: service.scratch)
        #expect(packed.output == plain.output)
        #expect(String(decoding: try service.scratch.read("head"), as: UTF8.self).contains("gzip"))
    }

    @Test(.enabled(if: Programs.hasCurl, "curl is missing"))
    func `curl keeps the entity tag and is told that nothing changed`() throws {
        let url = service.url + Self.path
        _ = try curl("--etag-save", "tag", "-o", "copy", url, in: service.scratch)
        let again = try curl("--etag-compare", "tag", "-o", "none", "-w", "%{http_code}", url, in: service.scratch)
        #expect(again.text == "304")
    }
}

/// Numbers that a seed decides (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
