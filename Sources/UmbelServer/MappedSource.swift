internal import UmbelHTTP
internal import UmbelPOSIX

/// A mapped file as a body.
struct MappedSource: ByteSource {
    let file: MappedFile

    var count: Int { file.bytes.count }

    func write(_ range: Range<Int>, to sink: ByteSink) throws {
        try sink(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
    }
}
