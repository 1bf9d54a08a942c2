internal import UmbelTensor

/// Room for the activations of a network while it computes: memory that one layer leaves is the next one's, without the system
/// in between. Between the layers of an autoencoder there are hundreds of megabytes, more than the process keeps otherwise.
package final class ActivationMemory: Sendable {
    private let allowance = RecycledMemory.Allowance()

    /// - Parameter bytes: kept at most, until this goes away.
    package init(_ bytes: Int) { allowance.set(bytes) }

    deinit {
        allowance.set(0)
        RecycledMemory.trim()
    }
}
