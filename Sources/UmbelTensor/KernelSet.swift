internal import CUmbelKernels

/// The instruction sets that the kernels are compiled for. All of them give the same bits; they differ in speed.
package enum KernelSet {
    /// The environment variable that forces one.
    package static let variable = "UMBEL_KERNELS"

    /// Names of those that this CPU runs, the fastest first: of avx512_bf16, avx512, avx2, neon and
    /// plain.
    package static var available: [String] {
        var names: [String] = []
        while let name = umbel_kernels_available(names.count) { names.append(String(cString: name)) }
        return names
    }

    /// The one that is in use.
    package static var chosen: String { String(cString: umbel_kernels_chosen()) }

    /// Uses a set from now on, for the whole process.
    ///
    /// - Returns: false, with nothing changed, if this CPU does not run it.
    @discardableResult package static func choose(_ name: String) -> Bool { umbel_kernels_choose(name) == 1 }
}
