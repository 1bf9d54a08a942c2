internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelPOSIX
internal import UmbelRegistry

/// `/v1/blobs/sha256:…`: files by what they hold, so that a client need not send what is here already.
enum BlobRoutes {
    static let all = [
        Route(
            .get, "/v1/blobs/{digest}", "A file by its SHA-256; HEAD tells whether it is here",
            statuses: [200, 206, 304],
            handler: get),
        Route(
            .post, "/v1/blobs/{digest}", "Upload a file under its SHA-256, to make an adapter of",
            statuses: [200, 201],
            handler: post),
    ]

    private static func digest(_ call: Call) throws -> String {
        let text = call.parameter("digest")
        guard let digest = BlobDigest.parse(text) else {
            throw RequestError.invalidParameter(name: "digest", value: text, expected: BlobDigest.description)
        }
        return digest
    }

    private static func get(_ call: Call) throws -> Response {
        let digest = try digest(call)
        let store = call.engine.adapters
        guard store.blob(digest) != nil else { throw RegistryError.unknownBlob(digest) }
        let file = try MappedFile(path: store.blobPath(digest), keepsOpen: true)
        return serve(MappedSource(file: file), as: Representation(etag: "sha256:" + digest), for: call.request)
    }

    private static func post(_ call: Call) throws -> Response {
        let expected = try digest(call)
        let store = call.engine.adapters
        if try store.renew(blob: expected) { return answer(expected, .ok) }
        let headers = call.request.headers
        guard headers[.contentLength] != nil || headers[.transferEncoding] != nil else {
            throw RequestError.lengthRequired
        }
        let upload = try store.beginBlob()
        let body = call.request.body
        body.limit = call.application.limits.uploadBytes
        try AdapterRoutes.copy(from: { try body.read(into: $0) }, to: { try upload.write($0) })
        let actual = try upload.finish()
        guard actual == expected else { throw RequestError.digestMismatch(expected: expected, actual: actual) }
        try store.keep(upload, as: expected)
        return answer(expected, .created)
    }

    private static func answer(_ digest: String, _ status: HTTPResponse.Status) -> Response {
        .json(status, ["digest": .string("sha256:" + digest)], headers: [.location: "/v1/blobs/sha256:\(digest)"])
    }
}
