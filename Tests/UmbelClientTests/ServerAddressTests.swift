import Testing
import UmbelClient

/// What is an address of a server, and what is made of it.
@Suite struct ServerAddressTests {
    @Test(arguments: [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("HTTPS://example.org", "https://example.org"), ("https://example.org/umbel//", "https://example.org/umbel"),
        ("http://[::1]:9", "http://[::1]:9"), ("http://localhost", "http://localhost"),
    ])
    func `http and https are taken, without a slash at the end`(text: String, expected: String) throws {
        #expect(try ServerAddress(text).text == expected)
    }

    @Test(arguments: [
        ("127.0.0.1:8080", AddressFault.noScheme), ("localhost:8080", .noScheme), ("", .noScheme),
        ("ftp://example.org", .unknownScheme("ftp")), ("file:///etc/passwd", .unknownScheme("file")),
        ("gopher://example.org", .unknownScheme("gopher")), ("telnet://example.org", .unknownScheme("telnet")),
        ("http://example.org/?a=b", .holdsQuery), ("http://example.org#x", .holdsQuery),
    ])
    func `what is none is refused with its reason`(text: String, fault: AddressFault) {
        #expect(throws: ClientError.address(text, fault)) { try ServerAddress(text) }
    }

    @Test(arguments: ["http://me:secret@example.org", "http://me@example.org", "https://:secret@example.org"])
    func `names and passwords are refused and not repeated`(text: String) {
        let error = #expect(throws: ClientError.self) { try ServerAddress(text) }
        guard case .address(let shown, .holdsCredentials) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!shown.contains("secret") && !shown.contains("me"))
    }

    @Test(arguments: [
        "http://", "http://exa mple.org", "http://example.org:port", "http://example.org:99999", "http://a\nb",
    ])
    func `what cannot be read is refused with libcurl's reason`(text: String) {
        let error = #expect(throws: ClientError.self) { try ServerAddress(text) }
        guard case .address(text, .unreadable(let message)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!message.isEmpty)
    }
}
