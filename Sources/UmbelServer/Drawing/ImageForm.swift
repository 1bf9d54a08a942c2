internal import HTTPTypes
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelImages

/// The form of `POST /v1/images/edits`: pictures in parts of their own, everything else as fields.
struct ImageForm {
    private(set) var image: Picture?
    private(set) var mask: Picture?
    let fields: BodyFields

    /// Bytes of a field that is no picture.
    private static let fieldLimit = 1 << 16

    init(_ call: Call) throws {
        let type = call.request.headers[.contentType] ?? ""
        guard type.lowercased().hasPrefix("multipart/") else { throw RequestError.unsupportedMediaType(type) }
        let body = call.request.body
        body.limit = PictureInput.bodyLimit
        var form = try MultipartReader(contentType: type, body: body)
        var members: [JSON.Member] = []
        while let part = try form.nextPart() {
            switch part.name {
            // Clients that may send several write the name of a list; one picture is begun from.
            case "image", "image[]":
                guard image == nil else { throw RequestError.invalidField(name: "image", expected: "one picture") }
                image = try PictureInput.picture(try form.readAll(limit: PictureInput.bodyLimit), "image")
            case "mask":
                guard mask == nil else { throw RequestError.invalidField(name: "mask", expected: "one picture") }
                mask = try PictureInput.picture(try form.readAll(limit: PictureInput.bodyLimit), "mask")
            default:
                let text = String(decoding: try form.readAll(limit: Self.fieldLimit), as: UTF8.self)
                members.append(.init(part.name, Self.value(text, of: part.name)))
            }
        }
        fields = BodyFields(members)
    }

    /// A form has only text; the fields are read as those of a JSON body.
    private static func value(_ text: String, of name: String) -> JSON {
        if DrawingFields.numbers.contains(name), Double(text) != nil { return .number(text) }
        if DrawingFields.sizes.contains(name), let list = try? JSON(parsing: Array(text.utf8)) { return list }
        if name == "stream", let flag = Bool(text) { return .bool(flag) }
        return .string(text)
    }
}
