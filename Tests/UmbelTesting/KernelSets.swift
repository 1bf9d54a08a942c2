import Synchronization
import UmbelTensor

/// Tests with each of the kernel sets that run on this CPU.
package enum KernelSets {
    /// The set is the whole process's: while one test goes through them, no other does.
    private static let turn = Mutex(())

    /// Runs `body` with each set chosen, then goes back to the one from before.
    package static func each(_ body: (String) throws -> Void) rethrows {
        try turn.withLock { _ in
            let before = KernelSet.chosen
            defer { KernelSet.choose(before) }
            for name in KernelSet.available {
                KernelSet.choose(name)
                try body(name)
            }
        }
    }
}
