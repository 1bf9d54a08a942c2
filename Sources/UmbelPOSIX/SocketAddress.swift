internal import Glibc

/// A numeric network address and port.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Lets a system call such as `accept` or `getsockname` fill the address in.
    init(_ fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Void) {
        var length = length
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { fill($0, &length) }
        }
        self.length = length
    }

    private init(copying entry: addrinfo) {
        guard let address = entry.ai_addr else { return }
        length = entry.ai_addrlen
        let count = min(Int(entry.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: count))
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// Host in numeric form and port; empty and 0 for a family without them.
    var parts: (host: String, port: Int) {
        var host = [CChar](repeating: 0, count: 64)
        var port = [CChar](repeating: 0, count: 16)
        let status = withPointer { address, length in
            getnameinfo(
                address, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard status == 0 else { return ("", 0) }
        let name = Self.text(host)
        // A socket that listens on all of IPv6 sees IPv4 peers under mapped addresses (RFC 4291, 2.5.5.2).
        let mapped = "::ffff:"
        let plain = name.hasPrefix(mapped) && name.contains(".") ? String(name.dropFirst(mapped.count)) : name
        return (plain, Int(Self.text(port)) ?? 0)
    }

    /// The addresses of a name or a number, in the resolver's order.
    ///
    /// - Throws: `SystemError` for `getaddrinfo` with `EADDRNOTAVAIL` when the name has none.
    static func resolve(host: String, port: Int, toListen: Bool) throws(SystemError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = toListen ? AI_PASSIVE : 0
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host.isEmpty ? nil : host, String(port), &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard status == 0 else {
            throw SystemError(call: "getaddrinfo", subject: "\(host):\(port)", code: EADDRNOTAVAIL)
        }
        var found: [SocketAddress] = []
        var entry = list
        while let current = entry {
            found.append(SocketAddress(copying: current.pointee))
            entry = current.pointee.ai_next
        }
        return found
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
