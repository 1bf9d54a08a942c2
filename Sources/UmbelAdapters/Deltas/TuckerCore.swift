package import UmbelTensor

/// Folds a Tucker core into its second factor, once per module, so that what is left is an ordinary product.
///
/// With core t (r₁, r₂, k…) and second factor b (r₂, in): folded[i, c·K+k] = Σⱼ t[i,j,k] · b[j,c]. The first core axis
/// pairs with the first factor, the second with the second.
package enum TuckerCore {
    /// - Precondition: `core` has r₁ rows and r₂·K columns; `second` has r₂ rows.
    package static func fold(_ core: Matrix, _ second: Matrix) -> Matrix {
        let inner = second.rows
        let kernel = core.columns / inner
        precondition(kernel * inner == core.columns)
        let folded = Matrix(rows: core.rows, columns: second.columns * kernel)
        let across = second.transposed()
        for row in 0..<core.rows {
            // (in, r₂) · (r₂, K)
            Product.write(across, times: core.row(row), columns: kernel, to: folded.row(row))
        }
        return folded
    }
}
