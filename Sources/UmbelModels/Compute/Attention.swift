internal import CUmbelCompute
package import UmbelTensor

/// softmax(Q · Kᵀ · scale + mask) · V, head by head, without ever holding Q · Kᵀ.
package enum Attention {
    package enum Mask: Sendable {
        case none
        /// A place sees itself and those before it.
        case causal
    }

    /// What queries are compared with and what they get, in the units that products read.
    package struct Seen: Sendable {
        /// (batch · seen, heads · size), and so `values`.
        let keys: Matrix
        let values: Matrix
        /// Rows of a picture.
        let count: Int
        let columns: Int
        let batch: Int
        let heads: Int
        let type: ComputeType

        /// - Parameters:
        ///   - keys: (batch · seen, heads · size), and so `values`.
        ///   - type: what products are computed in; heads of odd sizes are computed in f32.
        package init(
            keys: Matrix, values: Matrix, batch: Int, heads: Int, type: ComputeType = .f32, pool: ComputePool
        ) {
            precondition(keys.columns == values.columns && keys.rows == values.rows)
            precondition(keys.columns % heads == 0 && keys.rows % batch == 0)
            (count, columns) = (keys.rows / batch, keys.columns)
            (self.batch, self.heads) = (batch, heads)
            self.type = columns / heads % 2 == 0 ? type : .f32
            self.keys = self.type == .f32 ? keys : keys.pairedColumns(pool: pool)
            self.values = self.type == .f32 ? values : values.pairedRows(batch: batch, pool: pool)
        }
    }

    /// - Parameters:
    ///   - query: (batch · places, heads · size)
    ///   - keys: (batch · seen, heads · size), and so `values`.
    ///   - type: what products are computed in; heads of odd sizes are computed in f32.
    /// - Returns: (batch · places, heads · size)
    package static func of(
        query: Matrix, keys: Matrix, values: Matrix, batch: Int, heads: Int, mask: Mask = .none, scale: Float? = nil,
        type: ComputeType = .f32, pool: ComputePool
    ) -> Matrix {
        let seen = Seen(keys: keys, values: values, batch: batch, heads: heads, type: type, pool: pool)
        return of(query: query, on: seen, mask: mask, scale: scale, pool: pool)
    }

    /// - Parameter query: (batch · places, heads · size)
    /// - Returns: (batch · places, heads · size)
    package static func of(
        query: Matrix, on other: Seen, mask: Mask = .none, scale: Float? = nil, pool: ComputePool
    ) -> Matrix {
        let out = Matrix(rows: query.rows, columns: query.columns, pool: pool)
        forEachBlock(query, on: other, mask, scale, pool) { rows, column, attention, scratch in
            attention.out = out.row(rows.lowerBound) + column
            attention.out_stride = out.columns
            umbel_attend(&attention, scratch)
        }
        return out
    }

    /// - Parameter query: (batch · places, heads · size)
    /// - Returns: (batch · places, heads · size), as products of the type read it.
    static func factors(query: Matrix, on other: Seen, type: ComputeType, pool: ComputePool) -> Factors {
        let size = query.columns / other.heads
        guard type != .f32, size % 2 == 0 else {
            return Factors(of(query: query, on: other, pool: pool), type: type, pool: pool)
        }
        let units = Matrix(rows: query.rows, columns: type.units(query.columns), pool: pool)
        forEachBlock(query, on: other, .none, nil, pool) { rows, column, attention, scratch in
            let numbers = Matrix(rows: rows.count, columns: size)
            attention.out = numbers.start
            attention.out_stride = size
            umbel_attend(&attention, scratch)
            units.pack(numbers, at: column, rows: rows)
        }
        return Factors(units: units, columns: query.columns, type: type)
    }

    /// Calls `body` with the rows of a block of queries, the first column of a head and what is to be attended, without where
    /// the result goes, and room for it.
    private static func forEachBlock(
        _ query: Matrix, on other: Seen, _ mask: Mask, _ scale: Float?, _ pool: ComputePool,
        _ body: @Sendable (Range<Int>, Int, inout umbel_attention, UnsafeMutablePointer<Float>) -> Void
    ) {
        let (batch, heads, type) = (other.batch, other.heads, other.type)
        precondition(query.columns == other.columns && query.rows % batch == 0)
        let (places, seen, size) = (query.rows / batch, other.count, query.columns / heads)
        let (keys, values) = (other.keys, other.values)
        let factor = scale ?? 1 / Float(size).squareRoot()
        let block = UMBEL_ATTENDED_QUERIES
        let blocks = (places + block - 1) / block
        // The blocks of a head one after the other, so that its keys and values stay in the cache.
        pool.forEach(batch * heads * blocks) { index in
            let (picture, head) = (index / (blocks * heads), index / blocks % heads)
            let place = index % blocks * block
            let first = picture * places + place
            let count = min(block, places - place)
            let scratch = Matrix(rows: 2 * size + UMBEL_ATTENDED_KEYS, columns: block)
            var attention = umbel_attention(
                out: nil, out_stride: 0, queries: query.row(first) + head * size, query_stride: query.columns,
                keys: keys.row(keys.rows / batch * picture) + head * type.units(size), key_stride: keys.columns,
                values: values.row(values.rows / batch * picture) + head * size, value_stride: values.columns,
                count: count, seen: seen, size: size, scale: factor, place: mask == .causal ? place : seen,
                unit: type.unit)
            body(first..<first + count, head * size, &attention, scratch.start)
        }
    }
}

extension Matrix {
    /// As pairs of bf16, one row of units for two neighbouring rows of a picture.
    fileprivate func pairedRows(batch: Int, pool: ComputePool) -> Matrix {
        let height = rows / batch
        let pairs = ComputeType.bf16.units(height)
        let units = Matrix(rows: batch * pairs, columns: Matrix.staggered(columns), pool: pool)
        let grain = 32
        let parts = (pairs + grain - 1) / grain
        pool.forEach(batch * parts) { index in
            let (picture, first) = (index / parts, index % parts * grain)
            let count = min(grain, pairs - first)
            let place = units.row(picture * pairs + first)
            place.withMemoryRebound(to: UInt32.self, capacity: count * units.columns) { place in
                umbel_pack_rows(
                    place, units.columns, self.row(picture * height + 2 * first), columns,
                    min(2 * count, height - 2 * first), columns)
            }
        }
        return units
    }
}
