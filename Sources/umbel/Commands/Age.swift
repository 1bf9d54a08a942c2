import Glibc

/// How long ago something was.
enum Age {
    /// - Parameters:
    ///   - moment: RFC 3339 in UTC, as "2026-11-21T03:05:00Z".
    ///   - now: seconds since 1970.
    /// - Returns: "3 h"; "–" for what is no such moment.
    static func text(since moment: String, now: Int) -> String {
        let numbers = moment.split { !$0.isASCII || !$0.isNumber }.compactMap { Int32($0) }
        guard moment.hasSuffix("Z"), numbers.count >= 6 else { return "–" }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        // A clock that is behind the server's makes nothing younger than new.
        let seconds = max(0, now - timegm(&parts))
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<86_400: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) d"
        }
    }
}
