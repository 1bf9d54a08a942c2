/// How large a picture may be. Checked on a file's header before its pixels are decoded.
package struct PictureLimits: Hashable, Sendable {
    /// Pixels of the longer side.
    package var side: Int
    /// Width × height.
    package var pixels: Int

    package init(side: Int, pixels: Int) {
        self.side = side
        self.pixels = pixels
    }

    /// 16,384 a side and 32 Mi pixels: 128 MiB with opacity.
    package static let standard = PictureLimits(side: 1 << 14, pixels: 1 << 25)

    package func check(width: Int, height: Int) throws(PictureError) {
        let (area, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, width <= side, height <= side, area <= pixels else {
            throw .tooLarge(width: width, height: height, limits: self)
        }
    }
}
