import UmbelFormats
import UmbelPOSIX

/// What `umbel draw` sends: JSON, or a form where a picture goes with it.
struct DrawRequest {
    let path: [String]
    let contentType: String
    let body: [UInt8]

    /// - Throws: `CommandFailure` for a picture that cannot be read.
    init(_ command: Draw) throws {
        let fields = Self.fields(command)
        guard let image = command.image else {
            path = ["v1", "images", "generations"]
            contentType = "application/json"
            body = Array(JSON.object(fields).text.utf8)
            return
        }
        path = ["v1", "images", "edits"]
        // A boundary that the pictures cannot hold by chance.
        let boundary = "umbel-\(UInt64.random(in: 0 ... .max))-\(UInt64.random(in: 0 ... .max))"
        contentType = "multipart/form-data; boundary=\(boundary)"
        var form: [UInt8] = []
        func add(_ name: String, _ content: [UInt8], file: String? = nil) {
            let filename = file == nil ? "" : "; filename=\"\(name)\""
            form += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\(filename)\r\n\r\n".utf8
            form += content + Array("\r\n".utf8)
        }
        for field in fields { add(field.name, Array((field.value.string ?? field.value.text).utf8)) }
        add("image", try Self.read(image), file: image)
        if let mask = command.mask { add("mask", try Self.read(mask), file: mask) }
        body = form + Array("--\(boundary)--\r\n".utf8)
    }

    private static func fields(_ command: Draw) -> [JSON.Member] {
        let fields: [(name: String, value: JSON?)] = [
            ("prompt", .string(command.prompt)), ("model", command.model.map(JSON.string)),
            ("negative_prompt", command.negative.map(JSON.string)), ("n", command.count.map { JSON($0) }),
            ("size", command.size.map(JSON.string)), ("steps", command.steps.map { JSON($0) }),
            ("guidance_scale", command.guidance.map { JSON($0) }), ("sampler", command.sampler.map(JSON.string)),
            ("seed", command.seed.map { .number("\($0)") }), ("strength", command.strength.map { JSON($0) }),
        ]
        return fields.compactMap { name, value in value.map { JSON.Member(name, $0) } }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        do throws(SystemError) {
            return Array(try MappedFile(path: path).bytes)
        } catch {
            throw CommandFailure(.badInput, "\(path): \(error.message)")
        }
    }
}
