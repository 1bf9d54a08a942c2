/// A request's body, read once, from front to end, by whoever handles the request.
///
/// Nothing is read before the handler asks, so a body that is refused by its declared length is never received.
package final class RequestBody: @unchecked Sendable {
    // Sendable: used by one thread at a time; a handler that passes the body on synchronises the hand-over.
    private let input: any BodyInput

    /// Bytes that may be read in all. Set before the first read; what is longer throws `BodyError.tooLarge`.
    package var limit: Int

    /// Bytes read so far.
    package private(set) var count = 0

    /// What the reading failed with; the same again for each later read.
    package private(set) var failure: BodyError?

    package init(_ input: any BodyInput, limit: Int) {
        self.input = input
        self.limit = limit
    }

    /// A body for tests in process and for requests without one.
    package static func memory(_ bytes: [UInt8]) -> RequestBody {
        RequestBody(MemoryBody(bytes), limit: .max)
    }

    /// `Content-Length`, 0 without a body, nil when it is chunked.
    package var declaredLength: Int? { input.declaredLength }

    /// Copies the next bytes, blocking until there is at least one.
    ///
    /// - Returns: 0 at the end, or when `buffer` is empty.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyError) -> Int {
        if let failure { throw failure }
        guard !buffer.isEmpty else { return 0 }
        do throws(BodyError) {
            if let declaredLength, declaredLength > limit { throw .tooLarge(limit: limit) }
            let read = try input.read(into: buffer)
            count += read
            if count > limit { throw .tooLarge(limit: limit) }
            return read
        } catch {
            failure = error
            throw error
        }
    }

    /// Reads what is left, into memory.
    ///
    /// - Parameter limit: takes the place of the property of that name.
    package func readAll(limit: Int) throws(BodyError) -> [UInt8] {
        self.limit = limit
        var bytes: [UInt8] = []
        // A declared length is a claim: room is made for what has arrived, so a claim alone takes no memory.
        bytes.reserveCapacity(min(declaredLength ?? 0, 65_536))
        var failure: BodyError?
        var ended = false
        while !ended && failure == nil {
            let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                do throws(BodyError) {
                    count = try read(into: UnsafeMutableRawBufferPointer(buffer))
                } catch {
                    failure = error
                }
            }
            bytes += piece
            ended = piece.isEmpty
        }
        if let failure { throw failure }
        return bytes
    }
}
