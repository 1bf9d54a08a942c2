internal import Synchronization
package import UmbelFormats
package import UmbelTensor

/// What can be said of each tensor of an adapter file by itself, in the file's order.
package struct TensorReadings: Sendable {
    let values: [ModuleCollector.Reading]

    /// Tensors that are read at a time, so that threads do not wait for each other over each.
    private static let grain = 16

    /// Reads a whole file on the threads of `pool`.
    package init(of file: SafetensorsFile, _ pool: ComputePool) {
        let entries = file.index.entries
        let readings = Mutex([ModuleCollector.Reading?](repeating: nil, count: entries.count))
        pool.forEachRange(entries.count, grain: Self.grain) { range in
            let part = range.map { Self.reading(entries[$0], of: file) }
            readings.withLock { $0.replaceSubrange(range, with: part) }
        }
        values = readings.withLock { $0.compactMap(\.self) }
    }

    /// Reads a file that is still arriving, from front to end, on the calling thread.
    ///
    /// - Parameter hasArrived: waits for so many bytes of the file; false if they never come, and then there is no value.
    package init?(of file: SafetensorsFile, hasArrived: (Int) -> Bool) {
        var values: [ModuleCollector.Reading] = []
        for entry in file.index.entries {
            guard hasArrived(file.place(of: entry).upperBound) else { return nil }
            values.append(Self.reading(entry, of: file))
        }
        self.values = values
    }

    private static func reading(_ entry: SafetensorsIndex.Entry, of file: SafetensorsFile) -> ModuleCollector.Reading {
        ModuleCollector.Reading(key: entry.name, view: file.view(entry))
    }
}
