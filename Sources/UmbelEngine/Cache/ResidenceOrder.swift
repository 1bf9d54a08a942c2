internal import UmbelAdapters
internal import UmbelTensor

/// In what order the tensors of a variant are merged when all of them are wanted.
///
/// One that is not much more than a tile is faster on one thread than cut up for several, so such are merged side by side;
/// the others have all threads, one after the other.
struct ResidenceOrder {
    /// Clusters that are merged side by side.
    private(set) var small: [[Int]] = []
    /// Tensors of all other clusters.
    private(set) var large: [Int] = []

    /// Bytes of a cluster from which on it has all threads: a few tiles.
    static let largeFrom = 256 << 10

    init(of variant: Variant) {
        let plan = variant.model.plan
        for tensor in plan.touched.sorted() {
            let cluster = plan.cluster(of: tensor)
            let isSmall = cluster.reduce(0) { $0 + variant.mergedBytes(of: $1) } < Self.largeFrom
            if !isSmall { large.append(tensor) } else if cluster.first == tensor { small.append(cluster) }
        }
    }
}
