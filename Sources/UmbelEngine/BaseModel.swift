internal import Synchronization
package import UmbelAdapters
package import UmbelFormats
package import UmbelNames
package import UmbelPOSIX
package import UmbelRegistry
package import UmbelTensor

/// A base that stays resident: its files, with the weights mapped read-only. Immutable once opened.
package final class BaseModel: Sendable {
    /// One file of the base, under its path in the folder.
    package struct File: Sendable {
        package enum Content: Sendable {
            /// Tensors of this file, as indices into `weights`, in the order of the file's index; nil for an entry that is a
            /// second copy and no part of the model.
            case weights(SafetensorsFile, tensors: [Int?])
            /// Passed through as it was when the base was opened, whatever becomes of its name.
            case other(MappedFile)
        }

        package let path: String
        package let bytes: Int
        package let content: Content
    }

    package let name: String
    /// The file or folder that was opened.
    package let location: String
    package let recognition: BaseRecognition
    /// Sorted by path.
    package let files: [File]
    package let weights: BaseWeights
    private let tables = Mutex<[[String]: NameTable]>([:])
    private let ranges = Mutex<Set<DType>>([])
    /// What its bytes tell, read in the background (`BaseReader`) or at first need.
    let findings = PendingFindings()

    /// Opens a single file, a Hugging Face folder or a diffusers pipeline.
    ///
    /// - Throws: `BaseError` for what is no base, or one whose files break a rule.
    package init(name: String, path: String) throws(BaseError) {
        self.name = name
        let loaded = try BaseLoader.load(path)
        location = loaded.location
        recognition = loaded.recognition
        files = loaded.files
        weights = loaded.weights
    }

    /// Names of this base, with prefixes that a caller settled. Built at first use.
    package func names(prefixes: [Prefix] = []) -> NameTable {
        let key = prefixes.map(\.text)
        if let table = tables.withLock({ $0[key] }) { return table }
        let table = NameTable(catalog: weights.catalog, prefixes: prefixes.map { ($0.prefix, $0.component) })
        return tables.withLock { tables in
            // Prefixes come from requests: forget rather than collect.
            if tables.count >= 16 { tables.removeAll() }
            tables[key] = table
            return table
        }
    }

    /// SHA-256 that identifies the base: of the file itself, or of the list "digest  path" of all files of a folder. Waits
    /// until the base has been read, or reads it.
    ///
    /// - Throws: `notFinite` if it holds NaN or infinity: no model is made of such a base.
    package func digest() throws(BaseError) -> String {
        let findings = awaitedFindings()
        if let flaw = findings.flaw { throw flaw }
        return findings.digest
    }

    /// What reading it tells, once that is done.
    func awaitedFindings() -> BaseFindings {
        findings.value {
            let read = files.map { ($0.path, FileFindings.read($0, of: self)) }
            return BaseFindings(self, Dictionary(read, uniquingKeysWith: { first, _ in first }))
        }
    }

    /// SHA-256 of one file; nil before the base has been read.
    package func fileDigest(_ path: String) -> String? { findings.known?.files[path] }

    /// Has it been read to the end?
    package var isRead: Bool { findings.known != nil }

    /// Why no model is made of it, as far as it is known.
    package var flaw: BaseError? { findings.known?.flaw }

    /// - Throws: `notFinite` naming the first tensor that holds NaN or infinity.
    package func checkFinite(pool: ComputePool) throws(BaseError) {
        for (index, view) in weights.views.enumerated() where !view.isFinite(pool: pool) {
            throw .notFinite(tensor: weights.label(index), index: view.firstNonFinite() ?? 0)
        }
    }

    /// Are all floating-point tensors of this type?
    package func hasOnly(_ dtype: DType) -> Bool {
        weights.views.allSatisfy { !$0.dtype.isFloat || $0.dtype == dtype }
    }

    /// Checks, once for each type, that every value of the base stays finite when it is rounded to that type.
    ///
    /// - Throws: `notFinite` naming the first tensor that does not fit.
    package func checkRange(of dtype: DType, pool: ComputePool) throws(MergeError) {
        if ranges.withLock({ $0.contains(dtype) }) { return }
        for (index, view) in weights.views.enumerated() {
            guard view.dtype.isFloat, !view.isBelow(dtype.overflowLimit, pool: pool) else { continue }
            let columns = max(1, view.shape.flattenedColumns)
            throw .notFinite(
                tensor: weights.label(index), row: (view.firstNot(below: dtype.overflowLimit) ?? 0) / columns)
        }
        ranges.withLock { _ = $0.insert(dtype) }
    }

    package func file(_ path: String) -> File? { files.first { $0.path == path } }

    /// Bytes of the files that are mapped for as long as the base is resident.
    package var mappedBytes: Int {
        files.reduce(0) { sum, file in
            guard case .weights(let weights, _) = file.content else { return sum }
            return sum + weights.mapping.bytes.count
        }
    }

    package var isSingleFile: Bool { !Directory.isDirectory(location) }
}

/// Why something cannot be a base.
package enum BaseError: Error, Hashable, Sendable {
    case system(SystemError)
    case file(path: String, SafetensorsError)
    case json(path: String, JSONError)
    case jsonField(path: String, field: String)
    case notABase(path: String, RecognitionError)
    /// The index file names a tensor that its shard does not hold.
    case missingTensor(index: String, tensor: String)
    case noTensors(path: String)
    case notFinite(tensor: String, index: Int)
    case foreignFormat(path: String, ForeignFormat)
}
