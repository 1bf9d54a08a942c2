import Testing
import UmbelImages
import UmbelTesting

@Suite("Resizing")
struct ResizingTests {
    @Test(
        "Every filter, up and down, with and without opacity, gives Pillow's samples",
        arguments: ResamplingFilter.allCases)
    func pillow(filter: ResamplingFilter) throws {
        let fixture = try Fixture.resized()
        let cases = fixture.results.filter { $0.filter == "\(filter)" }
        #expect(cases.count == 18)
        for expected in cases {
            let source = try #require(fixture.sources["\(expected.channels)"])
            let picture = Picture(
                width: fixture.width, height: fixture.height, channels: expected.channels, bytes: [UInt8](source))
            let resized = picture.resized(width: expected.width, height: expected.height, by: filter)
            #expect(
                resized.bytes == [UInt8](expected.pixels),
                "\(expected.channels) channels, \(expected.width) × \(expected.height)")
        }
    }

    @Test("One colour stays that colour", arguments: ResamplingFilter.allCases)
    func constant(filter: ResamplingFilter) {
        for colour: [UInt8] in [[255], [3, 200, 255], [0, 100, 255, 255]] {
            let picture = Picture(width: 11, height: 6, filledWith: colour)
            for (width, height) in [(1, 1), (5, 17), (64, 2), (11, 6)] {
                let expected = Picture(width: width, height: height, filledWith: colour)
                #expect(picture.resized(width: width, height: height, by: filter) == expected)
            }
        }
    }

    @Test("Colours of what is transparent do not leak")
    func transparency() {
        // Left half red and opaque, right half green and transparent.
        let bytes = (0..<8).flatMap { _ in (0..<8).flatMap { $0 < 4 ? [255, 0, 0, 255] : [0, 255, 0, 0] as [UInt8] } }
        let picture = Picture(width: 8, height: 8, channels: 4, bytes: bytes)
        let small = picture.resized(width: 3, height: 3, by: .area)
        for y in 0..<3 {
            #expect(Array(small[1, y].prefix(3)) == [255, 0, 0])
            #expect((100...156).contains(Int(small[1, y].last ?? 0)))
        }
    }

    @Test("The mean of an area is the mean")
    func area() {
        var generator = SeededGenerator(seed: 9)
        let picture = Picture.noise(8, 8, 1, using: &generator)
        let half = picture.resized(width: 4, height: 8, by: .area)
        for y in 0..<8 {
            for x in 0..<4 {
                let sum = Int(picture.bytes[8 * y + 2 * x]) + Int(picture.bytes[8 * y + 2 * x + 1])
                #expect(Int(half.bytes[4 * y + x]) == (sum + 1) / 2)
            }
        }
    }
}
