package import UmbelFormats

extension Server {
    /// Asks for a drawing, without waiting for it.
    ///
    /// - Parameter path: of the call, `["v1", "images", "generations"]`.
    /// - Returns: the job.
    package func startDrawing(_ path: [String], body: [UInt8], contentType: String) throws(ClientError) -> JSON {
        var call = request("POST", path)
        call.headers.removeAll { $0.name == "Content-Type" }
        call.headers += [("Content-Type", contentType), ("Prefer", "respond-async")]
        call.body = .bytes(body)
        return try sendForJSON(call)
    }

    /// Follows a job to its end; the server cancels it if this ends before.
    ///
    /// - Parameter onEvent: is called with each event as it comes.
    package func followJob(_ id: String, onEvent: @escaping (EventReader.Event) -> Void) throws(ClientError) {
        var call = request("GET", ["v1", "jobs", id, "events"], query: [("cancel", "true")])
        // Its beginning would be told twice.
        call.mayRepeat = false
        var reader = EventReader()
        var failure: ClientError?
        call.onReceived = { bytes in
            do throws(ClientError) {
                for event in try reader.read(bytes) { onEvent(event) }
                return true
            } catch {
                failure = error
                return false
            }
        }
        _ = try send(call)
        if let failure { throw failure }
    }

    /// One picture of a completed job as PNG.
    package func picture(_ number: Int, ofJob id: String) throws(ClientError) -> [UInt8] {
        var call = request("GET", ["v1", "jobs", id, "pictures", String(number)])
        call.answerLimit = 1 << 28
        return try send(call).body
    }
}
