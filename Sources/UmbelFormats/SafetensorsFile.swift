package import UmbelPOSIX
package import UmbelTensor

/// Why a weight file could not be opened.
package enum WeightFileError: Error, Hashable, Sendable {
    case system(SystemError)
    case invalid(path: String, SafetensorsError)
}

/// A mapped safetensors file: its header and its tensors.
package final class SafetensorsFile: Sendable {
    package let mapping: MappedFile
    package let index: SafetensorsIndex

    /// Maps and validates a file.
    package init(path: String) throws(WeightFileError) {
        do {
            mapping = try MappedFile(path: path)
        } catch {
            throw .system(error)
        }
        do {
            index = try SafetensorsIndex(file: mapping.bytes)
        } catch {
            throw .invalid(path: path, error)
        }
    }

    package var path: String { mapping.path }

    package func view(_ entry: SafetensorsIndex.Entry) -> TensorView {
        let start = index.dataStart + entry.range.lowerBound
        return TensorView(
            dtype: entry.dtype, shape: entry.shape,
            bytes: UnsafeRawBufferPointer(rebasing: mapping.bytes[start..<start + entry.range.count]), owner: mapping)
    }

    package func view(_ name: String) -> TensorView? { index[name].map(view) }
}
