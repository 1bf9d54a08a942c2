extension Server {
    /// Whether the server has the content with that SHA-256, in hexadecimal digits.
    package func hasBlob(_ sha256: String) throws(ClientError) -> Bool {
        do throws(ClientError) {
            _ = try send(request("HEAD", Self.blob(sha256)))
            return true
        } catch {
            guard case .refused(let refusal) = error, refusal.status == 404 else { throw error }
            return false
        }
    }

    /// Sends a file's content, unless the server has it.
    ///
    /// - Parameters:
    ///   - sha256: of the content; the server checks it.
    ///   - onSent: called with the bytes of each piece that goes out; negative when sending begins again.
    /// - Returns: whether it was sent.
    package func push(
        _ file: UploadFile, sha256: String, onSent: ((Int) -> Void)? = nil
    ) throws(ClientError) -> Bool {
        if try hasBlob(sha256) { return false }
        var request = ClientRequest("POST", address.url(Self.blob(sha256)))
        // What is stored under its own digest is the same however often it is stored.
        request.mayRepeat = true
        request.headers = [("Content-Type", "application/octet-stream")]
        request.body = .file(file)
        request.onSent = onSent
        _ = try send(request)
        return true
    }

    private static func blob(_ sha256: String) -> [String] { ["v1", "blobs", "sha256:" + sha256] }
}
