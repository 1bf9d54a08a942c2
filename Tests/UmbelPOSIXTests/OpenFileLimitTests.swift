import Glibc
import Testing
import UmbelPOSIX

@Suite("How many descriptors a process may have")
struct OpenFileLimitTests {
    private var limit: rlimit {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit
    }

    @Test("The limit is raised to the most that the system allows, and stays there")
    func raised() {
        // One less than there may be: enough for all that runs beside this test.
        var lowered = limit
        lowered.rlim_cur = lowered.rlim_max - 1
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered) == 0)
        #expect(limit.rlim_cur < limit.rlim_max)
        for _ in 0..<2 {
            OpenFileLimit.raise()
            #expect(limit.rlim_cur == lowered.rlim_max && limit.rlim_max == lowered.rlim_max)
        }
    }
}
