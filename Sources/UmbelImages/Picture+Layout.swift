/// Pixels moved, none changed.
extension Picture {
    /// The pixels of columns `x`..<`x + width` in rows `y`..<`y + height`.
    ///
    /// - Precondition: they lie in the picture, and there is at least one.
    package func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int) -> Picture {
        precondition(x >= 0 && y >= 0 && newWidth > 0 && newHeight > 0)
        precondition(newWidth <= width - x && newHeight <= height - y)
        var cropped: [UInt8] = []
        cropped.reserveCapacity(newWidth * newHeight * channels)
        for row in y..<y + newHeight {
            let start = (row * width + x) * channels
            cropped += bytes[start..<start + newWidth * channels]
        }
        return Picture(width: newWidth, height: newHeight, channels: channels, bytes: cropped)
    }

    /// Replaces what lies beneath `other`, whose corner comes to column `x` of row `y`; what sticks out is left away.
    ///
    /// - Precondition: as many channels as this one.
    package mutating func paste(_ other: Picture, x: Int, y: Int) {
        precondition(other.channels == channels)
        let columns = (x..<x + other.width).clamped(to: 0..<width)
        let rows = (y..<y + other.height).clamped(to: 0..<height)
        guard !columns.isEmpty else { return }
        for row in rows {
            let source = ((row - y) * other.width + columns.lowerBound - x) * channels
            let target = (row * width + columns.lowerBound) * channels
            let count = columns.count * channels
            bytes.replaceSubrange(target..<target + count, with: other.bytes[source..<source + count])
        }
    }

    /// This picture where the mask is 0, `other` where it is 255, in between a mixture, to nearest.
    ///
    /// - Precondition: all of one size; the mask has one channel, the other as many as this one.
    package func covered(by other: Picture, where mask: Picture) -> Picture {
        precondition(other.width == width && other.height == height && other.channels == channels)
        precondition(mask.width == width && mask.height == height && mask.channels == 1)
        var covered = self
        for index in bytes.indices {
            let share = Int(mask.bytes[index / channels])
            let sum = Int(other.bytes[index]) * share + Int(bytes[index]) * (255 - share)
            covered.bytes[index] = UInt8((sum + 127) / 255)
        }
        return covered
    }

    /// Upright, given the EXIF orientation of how it is stored (1…8; 2 mirrored, 3 upside down, 4 both, 5…8 also with
    /// rows and columns exchanged). Other numbers mean nothing, and the picture stays.
    func upright(from orientation: Int) -> Picture {
        guard (2...8).contains(orientation) else { return self }
        let exchanged = orientation >= 5
        let (newWidth, newHeight) = exchanged ? (height, width) : (width, height)
        // Which of the new picture's axes run against the stored ones.
        let fromRight = [2, 3, 7, 8].contains(orientation)
        let fromBottom = [3, 4, 6, 7].contains(orientation)
        var turned: [UInt8] = []
        turned.reserveCapacity(bytes.count)
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                let (column, row) = exchanged ? (y, x) : (x, y)
                turned += self[fromRight ? width - 1 - column : column, fromBottom ? height - 1 - row : row]
            }
        }
        return Picture(width: newWidth, height: newHeight, channels: channels, bytes: turned)
    }
}
