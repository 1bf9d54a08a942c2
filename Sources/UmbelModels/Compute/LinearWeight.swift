internal import Synchronization
internal import UmbelTensor

/// The weight of a linear layer: as it was stored, or packed. As it was stored it is let go once it is packed for good.
final class LinearWeight: Sendable {
    private let outputs: Int
    private let inputs: Int
    private let type: ComputeType
    private let packing: Packing
    private let state: Mutex<State>

    private enum State {
        case stored(TensorView)
        case packed(Panels)
    }

    /// - Parameter view: its first axis is the outputs; so many elements as there are outputs and inputs.
    init(_ view: TensorView, outputs: Int, inputs: Int, type: ComputeType, packing: Packing) {
        (self.outputs, self.inputs, self.type, self.packing) = (outputs, inputs, type, packing)
        state = Mutex(.stored(view))
    }

    /// Bytes of panels that are kept.
    var packedBytes: Int {
        state.withLock { state in
            if case .packed(let panels) = state { panels.byteCount } else { 0 }
        }
    }

    /// Bytes of the weight as it was stored, if it is still held.
    var storedBytes: Int { stored?.bytes.count ?? 0 }

    /// Panels for the products of one call.
    ///
    /// - Parameters:
    ///   - rows: of the call.
    ///   - columns: that are cut into parts.
    func panels(forRows rows: Int, columns: Int, pool: ComputePool) -> CallPanels {
        guard packing == .eachUse, let view = stored else { return .whole(kept(pool)) }
        return CallPanels.areBetterApart(rows, columns, pool)
            ? .apart(view, inputs: inputs, type) : .whole(packed(view, pool))
    }

    private var stored: TensorView? {
        state.withLock { state in
            if case .stored(let view) = state { view } else { nil }
        }
    }

    private func kept(_ pool: ComputePool) -> Panels {
        state.withLock { state in
            switch state {
            case .packed(let panels): return panels
            case .stored(let view):
                let panels = packed(view, pool)
                state = .packed(panels)
                return panels
            }
        }
    }

    private func packed(_ view: TensorView, _ pool: ComputePool) -> Panels {
        Panels(view, outputs: outputs, inputs: inputs, type: type, pool: pool)
    }
}

/// Where the products of one call find a weight's panels.
enum CallPanels: Sendable {
    case whole(Panels)
    /// Nowhere yet: each part of the call packs a panel, and multiplies all rows by it while it is in the cache.
    case apart(TensorView, inputs: Int, ComputeType)

    /// Rows that are multiplied by a panel that only one thread has packed. For more the work is better cut by rows as well, and
    /// packing is next to nothing.
    private static let mostRowsApart = 384

    /// Few rows, and panels enough for all threads to end at about the same time?
    static func areBetterApart(_ rows: Int, _ columns: Int, _ pool: ComputePool) -> Bool {
        rows <= mostRowsApart && (pool.threads == 1 || columns >= 3 * pool.threads * Panels.width)
    }

    /// The panels that hold a range of outputs.
    ///
    /// - Precondition: it begins with a panel.
    func callAsFunction(_ columns: Range<Int>, pool: ComputePool) -> Panels {
        switch self {
        case .whole(let panels): panels
        case .apart(let view, let inputs, let type):
            Panels(
                view.rows(columns), outputs: columns.count, inputs: inputs, type: type, from: columns.lowerBound,
                pool: pool)
        }
    }

    /// How a call is cut into parts.
    ///
    /// - Parameter widest: columns of a part at most.
    func parts(rows: Int, columns: Int, widest: Int = .max, pool: ComputePool) -> ProductParts {
        switch self {
        case .whole: ProductParts(rows: rows, columns: columns, threads: pool.threads, widest: widest)
        case .apart: ProductParts(rows: rows, columns: columns)
        }
    }
}
