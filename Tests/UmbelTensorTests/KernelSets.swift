import CUmbelKernels

/// The sets of kernels that run on this CPU. All give the same bits, so a test may change the one that is chosen under
/// the feet of others.
enum KernelSets {
    static let available: [String] = {
        var names: [String] = []
        while let name = umbel_kernels_available(names.count) { names.append(String(cString: name)) }
        return names
    }()

    /// Runs `body` with each set chosen, then goes back to the one from before.
    static func each(_ body: (String) throws -> Void) rethrows {
        let before = String(cString: umbel_kernels_chosen())
        defer { umbel_kernels_choose(before) }
        for name in available {
            umbel_kernels_choose(name)
            try body(name)
        }
    }
}
