import ArgumentParser
import UmbelClient
import UmbelFormats

/// Options of the commands that speak to a server.
struct ServerOptions: ParsableArguments {
    static let explanation = """
        The server is --url, else UMBEL_URL, else \(defaultURL). If UMBEL_TOKEN is set, it is sent as a bearer token; it is \
        no option, because other users of the machine can see those. SSL_CERT_FILE names the certificates to trust, \
        instead of the system's.
        """
    static let defaultURL = "http://127.0.0.1:8080"

    @Option(help: ArgumentHelp("The server: http://host:port or https://host.", valueName: "url"))
    var url: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    /// - Throws: `CommandFailure` for an address or token that cannot be used.
    func server() throws -> Server {
        let environment = Environment.all.filter { !$0.value.isEmpty }
        do throws(ClientError) {
            var options = HTTPClient.Options()
            options.agent = "umbel/\(Umbel.version)"
            options.certificates = environment["SSL_CERT_FILE"]
            let address = try ServerAddress(url ?? environment["UMBEL_URL"] ?? Self.defaultURL)
            return try Server(address, token: environment["UMBEL_TOKEN"], options: options)
        } catch {
            throw CommandFailure(error.exitStatus, error.sentence(server: ""))
        }
    }

    /// Runs a call of the server, with its errors in words.
    ///
    /// - Throws: `CommandFailure`; for scripts the reason is printed as well.
    func calling<Result>(_ server: Server, _ call: () throws(ClientError) -> Result) throws -> Result {
        do throws(ClientError) {
            return try call()
        } catch {
            if json {
                Terminal.print(JSON.object([.init("error", error.json(server: server.address.text))]).prettyText)
            }
            throw CommandFailure(error, server)
        }
    }
}

extension CommandFailure {
    /// A sentence, and one line for each thing that the server names.
    init(_ error: ClientError, _ server: Server) {
        let lines = [error.sentence(server: server.address.text)] + error.details.map { "  " + $0 }
        self.init(error.exitStatus, lines.joined(separator: "\n"))
    }
}

extension String {
    /// Without control characters, which could make a terminal do something. For words that came from elsewhere.
    var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}

/// A condition on what a name points to now, as typed.
struct DigestArgument: ExpressibleByArgument {
    /// As the server writes it.
    let text: String

    /// Takes `sha256:…` and the digits alone, also in the quotes of an entity tag.
    init?(argument: String) {
        let bare = argument.filter { $0 != "\"" }
        let digits = bare.hasPrefix("sha256:") ? bare.dropFirst("sha256:".count) : bare[...]
        guard (1...64).contains(digits.count), digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
        text = "sha256:" + digits.lowercased()
    }
}
