internal import Synchronization
internal import UmbelTensor

/// What bindings hold of adapters in memory of their own: factors that have been widened to f32, folded cores, inverted
/// rotations.
/// Factors that are read from the mapped file as they are needed are not among them.
package final class FactorMemory: Sendable {
    private struct Held: Sendable {
        /// How many bindings have a storage.
        var holders: [ObjectIdentifier: Int] = [:]
        var bytes = 0
    }

    private static let held = Mutex(Held())

    /// Bytes that the bindings of the whole process hold now; what several share counts once.
    package static var bytes: Int { max(0, held.withLock { $0.bytes } - Matrix.pendingBytes) }

    private let storages: [HeldStorage]

    /// Counts from now on until the value goes.
    init(of patches: [Patch]) {
        let storages = Self.storages(of: patches)
        self.storages = storages
        Self.held.withLock { held in
            for storage in storages {
                guard let id = storage.id else {
                    held.bytes += storage.bytes
                    continue
                }
                held.holders[id, default: 0] += 1
                if held.holders[id] == 1 { held.bytes += storage.bytes }
            }
        }
    }

    /// Bytes that patches hold in memory of their own.
    static func bytes(of patches: [Patch]) -> Int { storages(of: patches).reduce(0) { $0 + $1.bytes } }

    private static func storages(of patches: [Patch]) -> [HeldStorage] {
        var finder = StorageFinder()
        for patch in patches {
            // The one that nearly all patches are; found without reflection, which takes longer than fitting it.
            if case .transform(.rows(let addition as Addition), _) = patch.change,
                let delta = addition.delta as? LowRankDelta
            {
                finder.add(delta.up)
                finder.add(delta.down)
            } else {
                finder.add(patch.change)
            }
        }
        return finder.storages
    }

    deinit {
        let storages = storages
        Self.held.withLock { held in
            for storage in storages {
                guard let id = storage.id, let holders = held.holders[id] else {
                    held.bytes -= storage.bytes
                    continue
                }
                held.holders[id] = holders == 1 ? nil : holders - 1
                if holders == 1 { held.bytes -= storage.bytes }
            }
        }
    }
}

/// A matrix, which others may hold too, or an array.
private struct HeldStorage: @unchecked Sendable {
    // Sendable: the matrix is only held, so that its identity stays its own.
    let matrix: Matrix?
    let bytes: Int

    var id: ObjectIdentifier? { matrix.map(ObjectIdentifier.init) }
}

/// Finds matrices and arrays of numbers inside patches by reflection, so that no algorithm has to say what it holds.
private struct StorageFinder {
    private(set) var storages: [HeldStorage] = []
    private var seen: Set<ObjectIdentifier> = []

    mutating func add(_ value: Any) {
        switch value {
        case let matrix as Matrix:
            guard seen.insert(ObjectIdentifier(matrix)).inserted else { return }
            storages.append(HeldStorage(matrix: matrix, bytes: matrix.count * MemoryLayout<Float>.stride))
        case is TensorView: return  // the file's own pages
        case let array as any FlatStorage:
            if let bytes = array.flatBytes {
                if bytes > 0 { storages.append(HeldStorage(matrix: nil, bytes: bytes)) }
            } else {
                addChildren(of: array)
            }
        default: addChildren(of: value)
        }
    }

    private mutating func addChildren(of value: Any) {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .class, !seen.insert(ObjectIdentifier(value as AnyObject)).inserted { return }
        for child in mirror.children { add(child.value) }
    }
}

/// Arrays, whatever their element.
private protocol FlatStorage {
    /// Bytes of the elements if they hold no references; nil if one has to look into each.
    var flatBytes: Int? { get }
}

extension Array: FlatStorage {
    fileprivate var flatBytes: Int? { _isPOD(Element.self) ? count * MemoryLayout<Element>.stride : nil }
}
