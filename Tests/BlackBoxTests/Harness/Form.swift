import Foundation

/// A body of multipart/form-data.
struct Form {
    private let boundary = "umbel-test-" + UUID().uuidString
    private var parts = Data()

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }
    var body: Data { parts + Data("--\(boundary)--\r\n".utf8) }

    mutating func add(_ field: String, fileName: String? = nil, _ content: Data) {
        let file = fileName.map { "; filename=\"\($0)\"" } ?? ""
        let head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"\(file)\r\n\r\n"
        parts += Data(head.utf8) + content + Data("\r\n".utf8)
    }
}
