/// What a file says besides its pixels, as far as it is read.
struct Metadata: Hashable {
    var text: [String: String] = [:]
    /// EXIF's number for how the picture is stored; 1 is upright.
    var orientation = 1

    init(text: [String: String] = [:], orientation: Int = 1) {
        self.text = text
        self.orientation = orientation
    }

    /// Of EXIF data; nothing of none.
    init(_ exif: EXIFData?) {
        if let comment = exif?.comment { text[PictureFile.parametersKey] = comment }
        orientation = exif?.orientation ?? 1
    }
}
