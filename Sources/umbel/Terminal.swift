import Glibc

/// Standard output and error.
enum Terminal {
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func print(_ text: String) {
        write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO)
    }

    static func error(_ text: String, prefix: String = "umbel: ") {
        write(prefix + text + "\n", to: STDERR_FILENO)
    }

    /// Over the current line, for what is drawn again and again.
    static func status(_ text: String) {
        write("\r\u{1b}[2K" + text, to: STDERR_FILENO)
    }

    static func exit(_ status: ExitStatus) -> Never { Glibc.exit(status.rawValue) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = ArraySlice(Array(text.utf8))
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // A closed pipe or terminal: there is nobody to tell.
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
