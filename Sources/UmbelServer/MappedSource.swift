internal import UmbelHTTP
internal import UmbelPOSIX

/// A mapped file as a body, best one that was kept open.
struct MappedSource: ByteSource {
    let file: MappedFile

    var count: Int { file.bytes.count }

    func write(_ range: Range<Int>, to sink: ByteSink) throws {
        try sink(.file(file, range))
    }
}
