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
    ///
    /// - Parameter keepsOpen: for a file that is going to be sent; see `MappedFile`.
    package init(path: String, keepsOpen: Bool = false) throws(WeightFileError) {
        do {
            mapping = try MappedFile(path: path, keepsOpen: keepsOpen)
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

    /// The bytes of the file that hold a tensor.
    package func place(of entry: SafetensorsIndex.Entry) -> Range<Int> {
        index.dataStart + entry.range.lowerBound..<index.dataStart + entry.range.upperBound
    }

    package func view(_ entry: SafetensorsIndex.Entry) -> TensorView {
        TensorView(
            dtype: entry.dtype, shape: entry.shape,
            bytes: UnsafeRawBufferPointer(rebasing: mapping.bytes[place(of: entry)]), owner: mapping)
    }

    package func view(_ name: String) -> TensorView? { index[name].map(view) }
}
