internal import Glibc

/// How many descriptors the process may have.
package enum OpenFileLimit {
    /// Raises the limit to the most that the system lets a process give itself: shells hand down 1,024, and a service has
    /// one for each connection and each file of its bases. What cannot be raised stays.
    package static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
        else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
