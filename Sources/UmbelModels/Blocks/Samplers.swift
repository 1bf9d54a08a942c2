package import UmbelTensor

/// Half the size by a convolution with stride 2.
package struct Downsampler: Sendable {
    private let convolution: Convolution

    /// - Parameter padding: zeros on each side; 0 stands for one row below and one column on the right.
    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, channels: Int, padding: Int) throws(ModelError) {
        let zeros: Convolution.Padding =
            padding == 0 ? .init(top: 0, left: 0, bottom: 1, right: 1) : .init(padding)
        convolution = try weights.convolution("conv", inputs: channels, outputs: channels, stride: 2, padding: zeros)
    }

    package func callAsFunction(_ x: FeatureMap, pool: ComputePool) -> FeatureMap { convolution(x, pool: pool) }
}

/// Twice the size, each place as four, and a convolution over that.
package struct Upsampler: Sendable {
    private let convolution: Convolution

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, channels: Int) throws(ModelError) {
        convolution = try weights.convolution("conv", inputs: channels, outputs: channels)
    }

    /// - Parameter size: of the result; nil for exactly twice.
    package func callAsFunction(
        _ x: FeatureMap, size: (height: Int, width: Int)? = nil, pool: ComputePool
    ) -> FeatureMap {
        let (height, width) = size ?? (2 * x.height, 2 * x.width)
        return convolution(x.nearest(height: height, width: width, pool: pool), pool: pool)
    }
}
