internal import Glibc

/// The time of day. For durations use `ContinuousClock`, which does not jump.
package enum WallClock {
    /// Whole seconds since 1970-01-01 00:00:00 UTC.
    package static var seconds: Int { time(nil) }
}
