import Testing
import UmbelHTTP

struct ByteRangesTests {
    @Test(
        "A Range header is resolved against a length",
        arguments: [
            ("bytes=0-0", 10, .satisfiable([0..<1])),
            ("bytes=0-9", 10, .satisfiable([0..<10])),
            ("bytes=5-", 10, .satisfiable([5..<10])),
            ("bytes=5-100", 10, .satisfiable([5..<10])),
            ("bytes=-3", 10, .satisfiable([7..<10])),
            ("bytes=-30", 10, .satisfiable([0..<10])),
            ("BYTES=1-2", 10, .satisfiable([1..<3])),
            ("bytes= 1-2 , 5-6", 10, .satisfiable([1..<3, 5..<7])),
            ("bytes=,1-2,,", 10, .satisfiable([1..<3])),
            ("bytes=5-6,1-2", 10, .satisfiable([5..<7, 1..<3])),
            ("bytes=1-2,2-4", 10, .satisfiable([1..<5])),
            ("bytes=1-2,3-4", 10, .satisfiable([1..<5])),
            ("bytes=8-9,0-1,2-3", 10, .satisfiable([8..<10, 0..<4])),
            ("bytes=20-30,1-1", 10, .satisfiable([1..<2])),
            ("bytes=0-99999999999999999999", 10, .satisfiable([0..<10])),
            ("bytes=0-9223372036854775807", 10, .satisfiable([0..<10])),
            ("bytes=-99999999999999999999", 10, .satisfiable([0..<10])),
            ("bytes=10-", 10, .unsatisfiable),
            ("bytes=99999999999999999999-", 10, .unsatisfiable),
            ("bytes=-0", 10, .unsatisfiable),
            ("bytes=0-", 0, .unsatisfiable),
            ("bytes=-1", 0, .unsatisfiable),
            ("bytes=", 10, .ignored), ("bytes", 10, .ignored), ("", 10, .ignored), ("lines=1-2", 10, .ignored),
            ("bytes=2-1", 10, .ignored), ("bytes=a-b", 10, .ignored), ("bytes=-", 10, .ignored),
            ("bytes=1", 10, .ignored), ("bytes=1-2-3", 10, .ignored), ("bytes=+1-2", 10, .ignored),
            ("bytes=1-2;3-4", 10, .ignored), ("bytes =1-2", 10, .ignored), ("bytes=1 -2", 10, .ignored),
        ] as [(String, Int, ByteRangesResult)])
    func table(header: String, count: Int, expected: ByteRangesResult) {
        #expect(ByteRanges.parse(header, count: count) == expected)
    }

    @Test("64 ranges are answered, 65 ignored")
    func limit() {
        let header = { (count: Int) in "bytes=" + (0..<count).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ",") }
        #expect(ByteRanges.parse(header(64), count: 1000) == .satisfiable((0..<64).map { $0 * 2..<$0 * 2 + 1 }))
        #expect(ByteRanges.parse(header(65), count: 1000) == .ignored)
    }
}
