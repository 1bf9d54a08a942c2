import Testing
import UmbelImages
import UmbelTesting

@Suite("Pictures")
struct PictureTests {
    @Test("A number becomes the nearest sample, halves the even one, what is beyond -1…1 the last, NaN black")
    func samples() {
        // The first of the second line gives 76.5 in f32, the second one 77.5.
        let cases: [(Float, UInt8)] = [
            (-1, 0), (1, 255), (0, 128), (-2, 0), (7, 255), (.infinity, 255), (-.infinity, 0), (.nan, 0),
            (-0.4, 76), (-0.392_156_87, 78), (-0.5, 64), (0.5, 191),
        ]
        let values = cases.map(\.0)
        let picture = values.withUnsafeBufferPointer {
            Picture(signed: $0, width: values.count, height: 1, channels: 1)
        }
        #expect(picture.bytes == cases.map(\.1))
    }

    @Test("Every sample survives the way to numbers and back")
    func everySample() {
        let picture = Picture(width: 256, height: 1, channels: 1, bytes: Array(0...255))
        var values = [Float](repeating: 0, count: 256)
        values.withUnsafeMutableBufferPointer { picture.writeSigned(into: $0) }
        #expect(values.first == -1 && values.last == 1)
        #expect(values.withUnsafeBufferPointer { Picture(signed: $0, width: 256, height: 1, channels: 1) } == picture)
        values.withUnsafeMutableBufferPointer { picture.writeUnit(into: $0) }
        #expect(values[51] == 0.2 && values[255] == 1)
    }

    @Test("Channels are made of each other as Pillow makes them")
    func channels() {
        let grey = Picture(width: 2, height: 1, channels: 1, bytes: [7, 200])
        #expect(grey.rgb.bytes == [7, 7, 7, 200, 200, 200])
        #expect(grey.rgba.bytes == [7, 7, 7, 255, 200, 200, 200, 255])
        let primaries: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]
        let colours = Picture(width: 4, height: 1, channels: 3, bytes: primaries)
        #expect(colours.grey.bytes == [76, 150, 29, 255])
        let veiled = Picture(width: 2, height: 1, channels: 4, bytes: [10, 20, 30, 0, 100, 0, 200, 128])
        #expect(veiled.rgb.bytes == [10, 20, 30, 100, 0, 200])
        #expect(veiled.opacity.bytes == [0, 128])
        #expect(colours.opacity.bytes == [255, 255, 255, 255])
        #expect(veiled.flattened().bytes == [255, 255, 255, 177, 127, 227])
        #expect(veiled.flattened(on: SIMD4(0, 0, 0, 255)).bytes == [0, 0, 0, 50, 0, 100])
    }

    @Test("A mask is white from half of white on")
    func mask() {
        let grey = Picture(width: 4, height: 1, channels: 1, bytes: [0, 127, 128, 255])
        #expect(grey.mask.bytes == [0, 0, 255, 255])
        #expect(grey.rgb.mask == grey.mask)
    }

    @Test("What was cropped and pasted back is the picture; what sticks out is left away")
    func cropAndPaste() {
        var generator = SeededGenerator(seed: 3)
        let picture = Picture.noise(7, 5, 3, using: &generator)
        for (x, y, width, height) in [(0, 0, 7, 5), (2, 1, 3, 3), (6, 4, 1, 1)] {
            let part = picture.cropped(x: x, y: y, width: width, height: height)
            #expect(part[0, 0] == picture[x, y])
            var again = picture
            again.paste(Picture(width: width, height: height, filledWith: [1, 2, 3]), x: x, y: y)
            #expect(Array(again[x, y]) == [1, 2, 3])
            again.paste(part, x: x, y: y)
            #expect(again == picture)
        }
        let paper = Picture(width: 7, height: 5, filledWith: [0, 0, 0])
        for x in -8...8 {
            for y in -6...6 {
                var under = paper
                under.paste(picture, x: x, y: y)
                for row in 0..<5 {
                    for column in 0..<7 {
                        let inside = (0..<7).contains(column - x) && (0..<5).contains(row - y)
                        let expected = inside ? picture[column - x, row - y] : [0, 0, 0]
                        #expect(under[column, row].elementsEqual(expected))
                    }
                }
            }
        }
    }

    @Test("A mask chooses between two pictures, and mixes where it is between")
    func covered() {
        let below = Picture(width: 3, height: 1, filledWith: [10, 20, 30])
        let above = Picture(width: 3, height: 1, filledWith: [210, 220, 230])
        let mask = Picture(width: 3, height: 1, channels: 1, bytes: [0, 255, 128])
        #expect(below.covered(by: above, where: mask).bytes == [10, 20, 30, 210, 220, 230, 110, 120, 130])
    }
}
