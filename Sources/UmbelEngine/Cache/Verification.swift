internal import Dispatch
internal import UmbelAdapters
internal import UmbelPOSIX
internal import UmbelRegistry
internal import UmbelTensor

/// What re-hashing and re-merging everything in memory found.
package struct VerificationReport: Sendable {
    package struct Content: Sendable {
        /// Of a base; nil for an adapter's content.
        package let name: String?
        /// What it was when it was loaded.
        package let digest: String
        package let isWhole: Bool
    }

    package struct Merged: Sendable {
        package let id: String
        /// How many tensors were compared.
        package let tensors: Int
        /// Labels of those whose bytes are not what the recipe gives.
        package let mismatches: [String]
    }

    package var bases: [Content] = []
    package var adapters: [Content] = []
    package var variants: [Merged] = []
    /// How many kept deltas were compared, and how many were not what they must be.
    package var deltas = (checked: 0, mismatches: 0)
    package var seconds = 0.0

    package init() {}

    package var isWhole: Bool {
        (bases + adapters).allSatisfy(\.isWhole) && variants.allSatisfy(\.mismatches.isEmpty)
            && deltas.mismatches == 0
    }
}

extension Engine {
    /// Hashes every base and adapter again and merges every tensor in memory again, and compares with what is there. What is
    /// wrong in memory is let go, so that it is merged anew.
    ///
    /// Bases and adapters are hashed over their mappings, which are what merges read.
    package func verify() throws(EngineError) -> VerificationReport {
        let start = DispatchTime.now().uptimeNanoseconds
        var report = VerificationReport()
        for base in bases {
            let known = base.awaitedFindings()
            let isWhole = known.flaw == nil && BaseDigest.hash(base) == known.digest
            report.bases.append(.init(name: base.name, digest: known.digest, isWhole: isWhole))
        }
        for digest in adapters.digests.sorted() {
            // One that was removed since the list was read has nothing to be compared with.
            guard let isWhole = try isWhole(digest) else { continue }
            report.adapters.append(.init(name: nil, digest: digest, isWhole: isWhole))
        }
        report.deltas = cache.verifyDeltas(pool: pool)
        report.variants = try cache.verifyVariants(pool: pool)
        report.seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        return report
    }

    /// Do the files of an adapter's content still have their digests? nil if they are gone.
    private func isWhole(_ digest: String) throws(EngineError) -> Bool? {
        guard let content = adapters.content(digest) else { return nil }
        do throws(SystemError) {
            for file in [content.tensors, content.config].compactMap({ $0 }) {
                let mapping = try MappedFile(path: adapters.blobPath(file))
                if SHA256.hex(of: mapping.bytes) != file { return false }
            }
            return true
        } catch {
            if error.isMissingFile { return nil }
            throw .system(error)
        }
    }
}

extension VariantCache {
    /// Merges what is in memory again, without kept deltas, and compares the bytes.
    func verifyVariants(pool: ComputePool) throws(EngineError) -> [VerificationReport.Merged] {
        var found: [VerificationReport.Merged] = []
        for (variant, tensors) in residents() {
            var wrong: [Int: MergedTensor] = [:]
            do {
                wrong = try mismatches(tensors, of: variant, pool: pool)
            } catch {
                throw .merge(error)
            }
            drop(wrong, of: variant.id)
            let weights = variant.model.base.weights
            found.append(
                .init(id: variant.id, tensors: tensors.count, mismatches: wrong.keys.map(weights.label).sorted()))
        }
        return found
    }

    private func mismatches(
        _ tensors: [Int: MergedTensor], of variant: Variant, pool: ComputePool
    ) throws(MergeError) -> [Int: MergedTensor] {
        var wrong: [Int: MergedTensor] = [:]
        let plan = variant.model.plan
        for (index, tensor) in tensors where plan.cluster(of: index).first(where: { tensors[$0] != nil }) == index {
            let again = try inSlot { () throws(MergeError) in
                try TensorMerger(plan: plan, pool: pool).merge(index, as: variant.model.outputType)
            }
            for (member, expected) in again {
                guard let there = member == index ? tensor : tensors[member] else { continue }
                if !there.hasSameBytes(as: expected) { wrong[member] = there }
            }
        }
        return wrong
    }

    /// Writes out every kept delta again and compares the bits.
    func verifyDeltas(pool: ComputePool) -> (checked: Int, mismatches: Int) {
        let kept = keptDeltas()
        var wrong: Set<DeltaKey> = []
        for (key, item) in kept where !item.delta.values(pool: pool).hasSameBits(as: item.values) { wrong.insert(key) }
        drop(wrong)
        return (kept.count, wrong.count)
    }
}
