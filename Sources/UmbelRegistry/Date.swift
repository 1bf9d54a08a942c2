internal import Glibc

/// A moment, in whole seconds since 1970, UTC.
package struct Date: Hashable, Sendable, Comparable {
    package let seconds: Int

    package init(seconds: Int) {
        self.seconds = seconds
    }

    package static var now: Date { Date(seconds: time(nil)) }

    /// RFC 3339: "2026-11-21T03:05:00Z".
    package var text: String {
        var moment = time_t(seconds)
        var parts = tm()
        gmtime_r(&moment, &parts)
        func digits(_ value: Int32, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
            + "T\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))Z"
    }

    package static func < (left: Date, right: Date) -> Bool { left.seconds < right.seconds }
}
