import Testing
import UmbelHTTP

struct FuzzByteRangesTests {
    @Test("Ranges are inside, not empty, apart, few, and cover just what a naive reading covers")
    func ranges() {
        Fuzz.run { generator, seed in
            let count = Int.random(in: 0...40, using: &generator)
            var asked: [(first: Int?, last: Int?)] = []
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let first = Int.random(in: 0...45, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: asked.append((first, nil))
                case 1: asked.append((nil, first))
                default: asked.append((first, first + Int.random(in: 0...20, using: &generator)))
                }
            }
            let header =
                "bytes="
                + asked.map { "\($0.map(String.init) ?? "")-\($1.map(String.init) ?? "")" }.joined(separator: ",")
            let expected = (0..<count).filter { offset in
                asked.contains { first, last in
                    if let first { return offset >= first && offset <= last ?? offset }
                    return offset >= count - (last ?? 0)
                }
            }
            let result = ByteRanges.parse(header, count: count)
            if case .satisfiable(let ranges) = result {
                #expect(ranges.flatMap { Array($0) }.sorted() == expected, "\(seed) \(header) of \(count)")
                check(ranges, count, seed)
            } else {
                #expect(result == .unsatisfiable && expected.isEmpty, "\(seed) \(header) of \(count)")
            }
        }
    }

    @Test("Whatever a Range header says, what it comes to lies inside")
    func nonsense() {
        let dictionary = ["bytes=", "-", ",", "0", "99999999999999999999", "9223372036854775807", " ", "=", "\t", "-1"]
        Fuzz.run { generator, seed in
            var bytes = Array("bytes=0-4,7-,-3".utf8)
            generator.mutate(&bytes, dictionary: dictionary)
            let count = Bool.random(using: &generator) ? 10 : Int.max - Int.random(in: 0...3, using: &generator)
            if case .satisfiable(let ranges) = ByteRanges.parse(String(decoding: bytes, as: UTF8.self), count: count) {
                check(ranges, count, seed)
            }
        }
    }

    private func check(_ ranges: [Range<Int>], _ count: Int, _ seed: String) {
        #expect((1...ByteRanges.limit).contains(ranges.count), "\(seed)")
        #expect(ranges.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= count }, "\(seed)")
        let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "\(seed)")
    }
}
