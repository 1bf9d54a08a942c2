import Foundation
import Testing
import UmbelFormats

/// Many swaps in a row: nothing changes, nothing leaks.
///
/// `UMBEL_TEST_SWAPS` sets how many; `make soak` makes 10,000 and demands what the ordinary run has no time for.
@Suite struct SwapTests {
    private static let swaps = ProcessInfo.processInfo.environment["UMBEL_TEST_SWAPS"].flatMap { Int($0) } ?? 300
    private static let isSoak = swaps >= 5000
    private static let adapters = ["locon-outline", "loha-tilted", "lokr-twins", "lora-te-pastel", "dora-in-shadow"]

    /// Few workers, so that each has soon done everything once: a thread's stack and heap cache stay with it.
    private static let settings = ["--set", "cache.bytes=100000000", "--set", "server.workers=4"]

    /// A recipe that was not asked for before, over one or two of the adapters.
    private static func reference(_ swap: Int) -> String {
        let first = swap % Self.adapters.count
        let second = (swap / Self.adapters.count + first + 1) % Self.adapters.count
        let scale = "0.\(1000 + swap)"
        return swap % 3 == 0 || first == second
            ? "shapes+a\(first):\(scale)" : "shapes+a\(first):\(scale)+a\(second):0.5"
    }

    @Test func `after many swaps everything verifies, memory is where it was and no counter leaks`() throws {
        let service = try Service(["shapes": Samples.pipeline], arguments: Self.settings)
        for (index, name) in Self.adapters.enumerated() {
            let path = Samples.root + "/demo/adapters/shapes-sd/\(name).safetensors"
            #expect(try service.put("a\(index)", path).status == 201)
        }
        let peer = service.peer
        @Sendable func swap(_ number: Int) throws {
            let made = try peer.post("/v1/variants", #"{"model": "\#(Self.reference(number))"}"#)
            guard made.status == 201, try made.json["state"] == "ready" else {
                throw HarnessFailure("swap \(number): \(made.status) \(made.text)")
            }
            let dropped = try peer.delete(made["location"] ?? "")
            guard dropped.status == 204 else { throw HarnessFailure("swap \(number): \(dropped.status)") }
        }
        // What the promise is about; the short run looks at what can leak, without the base's pages.
        let field = Self.isSoak ? "VmRSS" : "RssAnon"
        let warmUp = max(100, Self.swaps / 10)
        for number in 0..<warmUp { try swap(number) }
        // Every worker has to have worked once: a new thread brings a stack and a heap cache of its own.
        let faults = concurrently(8) { worker in
            let model = "shapes+a\(worker % Self.adapters.count):0.5"
            let file = "unet/diffusion_pytorch_model.safetensors"
            let answer = try peer.get("/v1/models/\(model)/files/\(file)", ["Range": "bytes=0-3999999"])
            return answer.status == 206 && answer.isComplete ? nil : "\(model): \(answer.status)"
        }
        #expect(faults.isEmpty, "\(faults)")
        for variant in try service.get("/v1/variants").json["data"]?.array ?? [] {
            #expect(try service.delete("/v1/variants/\(variant["id"]?.string ?? "")").status == 204)
        }
        let before = try service.status(field)
        for number in warmUp..<Self.swaps { try swap(number) }
        let after = try service.status(field)
        // A short run still fills arenas and tables here and there; a leak of one tensor a swap would be tens of megabytes.
        let bound = Self.isSoak ? before / 100 : before / 10
        #expect(after - before <= bound, "\(before) bytes after \(warmUp) swaps, \(after) after \(Self.swaps)")
        if Self.isSoak { print("soak: \(field) \(before) after \(warmUp) swaps, \(after) after \(Self.swaps)") }

        let verified = try service.post("/v1/admin/verify", "")
        #expect(verified.status == 200, "\(verified.text)")
        #expect(try verified.json["ok"]?.bool == true)
        let list = try service.get("/v1/variants").json
        #expect(list["data"] == [])
        #expect(list["memory"]?["merged"]?.integer == 0 && list["memory"]?["lent"]?.integer == 0)
        #expect(list["counters"]?["running"]?.integer == 0 && list["counters"]?["waiting"]?.integer == 0)
        #expect(list["counters"]?["failed_builds"]?.integer == 0)
    }
}
