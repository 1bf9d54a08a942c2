import Dispatch
import Glibc
import Synchronization
import Testing
import UmbelTesting

@testable import UmbelTensor

@Suite("Matrices")
struct MatrixTests {
    @Test("A transposed matrix has rows and columns exchanged", arguments: [0, 1, 2, 31, 32, 33, 64, 70])
    func transposed(rows: Int) {
        for columns in [0, 1, 3, 31, 32, 33, 65] {
            let matrix = Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map(Float.init))
            let turned = matrix.transposed()
            #expect(turned.rows == columns && turned.columns == rows)
            let isRight = (0..<rows).allSatisfy { row in
                (0..<columns).allSatisfy { turned[$0, row] == matrix[row, $0] }
            }
            #expect(isRight)
            #expect(turned.transposed().values == matrix.values)
        }
    }

    @Test("Facts of a matrix are those of its numbers")
    func facts() {
        let matrix = Matrix(rows: 2, columns: 2, values: [3, -4, 0, 0])
        #expect(matrix.norm == 5)
        #expect(matrix.largestMagnitude == 4)
        #expect(matrix.isFinite && !matrix.isZero)
        #expect(Matrix(rows: 1, columns: 2, values: [0, -0.0]).isZero)
        #expect(!Matrix(rows: 1, columns: 2, values: [0, .nan]).isFinite)
        #expect(Matrix(rows: 0, columns: 5).norm == 0)
    }

    @Test("A Cayley transform solves its equation for any matrix, rows exchanged or not", arguments: 1...12)
    func cayleyEquation(size: Int) throws {
        var random = SeededGenerator(seed: UInt64(size))
        let identity = SmallMatrix(identity: size)
        for _ in 0..<20 {
            let q = SmallMatrix(
                size: size, values: (0..<size * size).map { _ in Double.random(in: -2...2, using: &random) })
            let rotation = try #require(q.cayley)
            let difference = rotation * (identity - q) - (identity + q)
            let largest = rotation.values.reduce(1) { max($0, abs($1)) }
            #expect(difference.values.allSatisfy { abs($0) < 1e-10 * largest * largest })
        }
    }

    @Test("A matrix with an eigenvalue 1 has no Cayley transform")
    func singular() {
        #expect(SmallMatrix(identity: 3).cayley == nil)
        #expect(SmallMatrix(size: 2, values: [0, 1, 1, 0]).cayley == nil)
        #expect(SmallMatrix(size: 2, values: [1, 1, 1, 1]).cayley?.values == [-1, -2, -2, -1])
    }

    @Test("The Cayley transform of an antisymmetric matrix is a rotation", arguments: 1...10)
    func cayley(size: Int) throws {
        var random = SeededGenerator(seed: UInt64(size))
        for scale in [0.01, 1, 100] {
            let stored = SmallMatrix(
                size: size, values: (0..<size * size).map { _ in Double.random(in: -scale...scale, using: &random) })
            let skew = stored - stored.transposed
            let rotation = try #require(skew.cayley)
            let unit = rotation * rotation.transposed
            let error = zip(unit.values, SmallMatrix(identity: size).values).map { abs($0 - $1) }.max() ?? 0
            #expect(error < 1e-9)
            // R·(I − Q) = I + Q
            let identity = SmallMatrix(identity: size)
            let residue = zip((rotation * (identity - skew)).values, (identity + skew).values).map { abs($0 - $1) }
            #expect((residue.max() ?? 0) < 1e-9 * max(1, scale))
        }
        #expect(SmallMatrix(identity: size).cayley == nil, "I − I is singular")
    }

    @Test("A truncated decomposition is the best approximation: what is left is orthogonal to it and no larger")
    func truncation() throws {
        var random = SeededGenerator(seed: 6)
        let matrix = Matrix(rows: 9, columns: 6, values: random.values(54))
        var last = matrix.norm
        for rank in 1...6 {
            let parts = try SingularValues.truncated(matrix, rank: rank, pool: ComputePool(threads: 1))
            let part = parts.left.multiplied(by: parts.right)
            let rest = Matrix(rows: 9, columns: 6, values: zip(matrix.values, part.values).map { $0 - $1 })
            #expect(rest.norm <= last)
            #expect(parts.left.transposed().multiplied(by: rest).norm < 1e-4)
            last = rest.norm
        }
        #expect(last < 1e-5)
    }
}

@Suite("Compute pool")
struct ComputePoolTests {
    @Test("Every index is visited once", arguments: [1, 2, 3, 8])
    func everyIndexOnce(threads: Int) {
        let pool = ComputePool(threads: threads)
        for count in [0, 1, 2, 7, 1000] {
            let visits = Mutex([Int](repeating: 0, count: count))
            pool.forEach(count) { index in visits.withLock { $0[index] += 1 } }
            #expect(visits.withLock { $0.allSatisfy { $0 == 1 } })
        }
    }

    @Test("Ranges cover everything once, each of whole grains but the last", arguments: [1, 3])
    func rangesCover(threads: Int) {
        let pool = ComputePool(threads: threads)
        for count in [0, 1, 5, 64, 100] {
            for grain in [1, 3, 64, 1000] {
                let ranges = Mutex<[Range<Int>]>([])
                pool.forEachRange(count, grain: grain) { range in ranges.withLock { $0.append(range) } }
                let sorted = ranges.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
                #expect(sorted.flatMap { Array($0) } == Array(0..<count))
                #expect(sorted.dropLast().allSatisfy { $0.count == grain })
            }
        }
    }

    @Test("Work within work makes progress and is complete")
    func nested() {
        let pool = ComputePool(threads: 3)
        let visits = Atomic(0)
        pool.forEach(20) { _ in
            pool.forEach(20) { _ in
                pool.forEach(5) { _ in visits.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(visits.load(ordering: .relaxed) == 2000)
    }

    @Test("Many callers share the pool, and it never computes on more threads than callers and helpers")
    func manyCallers() {
        let pool = ComputePool(threads: 4)
        let visits = Atomic(0)
        let running = Mutex((now: 0, most: 0))
        DispatchQueue.concurrentPerform(iterations: 3) { _ in
            pool.forEach(200) { _ in
                running.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                visits.wrappingAdd(1, ordering: .relaxed)
                running.withLock { $0.now -= 1 }
            }
        }
        #expect(visits.load(ordering: .relaxed) == 600)
        #expect(running.withLock { $0.most } <= 3 + 3)
    }

    @Test("Helpers that went to sleep wake for the next call")
    func wake() {
        let pool = ComputePool(threads: 3)
        for _ in 0..<5 {
            let visits = Atomic(0)
            pool.forEach(50) { _ in visits.wrappingAdd(1, ordering: .relaxed) }
            #expect(visits.load(ordering: .relaxed) == 50)
            // Longer than a helper looks for work.
            usleep(20_000)
        }
    }

    @Test("A caller and a helper that wait for each other meet", arguments: [2, 4])
    func isParallel(threads: Int) {
        let pool = ComputePool(threads: threads)
        let present = Atomic(0)
        // Ends only if somebody takes the second index while the first is under way.
        pool.forEach(2) { _ in
            present.wrappingAdd(1, ordering: .relaxed)
            while present.load(ordering: .relaxed) < 2 { sched_yield() }
        }
        #expect(present.load(ordering: .relaxed) == 2)
    }

    @Test("Helpers end with their pool")
    func end() {
        weak var helpers: PoolHelpers?
        do {
            let pool = ComputePool(threads: 4)
            pool.forEach(100) { _ in sched_yield() }
            helpers = pool.helpers
            #expect(helpers != nil)
        }
        for _ in 0..<2000 where helpers != nil { usleep(5_000) }
        #expect(helpers == nil, "threads hold what they wait on")
    }

    @Test("What the body holds is let go when the call returns")
    func bodyIsReleased() {
        final class Held: Sendable {}
        let pool = ComputePool(threads: 3)
        for _ in 0..<200 {
            weak var seen: Held?
            do {
                let held = Held()
                seen = held
                pool.forEach(3) { _ in withExtendedLifetime(held) {} }
            }
            #expect(seen == nil)
        }
    }

    @Test("A pool has at least one thread", arguments: [-1, 0])
    func atLeastOne(threads: Int) {
        #expect(ComputePool(threads: threads).threads == 1)
    }
}

@Suite("Tensor views")
struct TensorViewTests {
    @Test("Elements of every type are read as numbers", arguments: DType.allCases)
    func numbers(_ dtype: DType) {
        var bytes = [UInt8](repeating: 0, count: 2 * dtype.byteCount)
        switch dtype {
        case .f64: bytes = [1.0, 2.0].withUnsafeBytes { Array($0) }
        case .f32: bytes = ([1, 2] as [Float]).withUnsafeBytes { Array($0) }
        case .f16: bytes = [0, 0x3c, 0, 0x40]
        case .bf16: bytes = [0x80, 0x3f, 0, 0x40]
        case .f8e4m3: bytes = [0x38, 0x40]
        case .f8e5m2: bytes = [0x3c, 0x40]
        default:
            bytes[0] = 1
            bytes[dtype.byteCount] = 2
        }
        let view = TestTensor("t", dtype, [2], bytes: bytes).view
        #expect(view.number(at: 0) == 1)
        #expect(view.number(at: 1) == 2)
    }

    @Test("Signed integers are signed, and 64 bits are exact as far as f64 is")
    func integers() {
        let view = TestTensor.integers("t", [3], [-1, 1 << 52, .min]).view
        #expect(view.number(at: 0) == -1)
        #expect(view.number(at: 1) == 0x1p52)
        #expect(view.number(at: 2) == -0x1p63)
        #expect(TestTensor("t", .i8, [1], bytes: [0xff]).view.number(at: 0) == -1)
        #expect(TestTensor("t", .u8, [1], bytes: [0xff]).view.number(at: 0) == 255)
    }

    @Test("The first number that is none is found wherever it is", arguments: [0, 1, 4095, 4096, 8191, 9999])
    func firstNonFinite(place: Int) {
        var values = [Float](repeating: 0.5, count: 10_000)
        #expect(TestTensor("t", [10_000], values).view.firstNonFinite() == nil)
        values[place] = .infinity
        values[9999] = .nan
        for dtype in [DType.f32, .f16, .bf16] {
            let view = TestTensor("t", [10_000], values, as: dtype).view
            #expect(view.firstNonFinite() == place)
            #expect(!view.isFinite(pool: ComputePool(threads: 2)))
        }
        let wide = values.map(Double.init)
        #expect(
            TestTensor("t", .f64, [10_000], bytes: wide.withUnsafeBytes { Array($0) }).view.firstNonFinite() == place)
        #expect(TestTensor.integers("t", [1], [-1]).view.firstNonFinite() == nil)
    }

    @Test("A large f64 is a number, though f32 has none for it")
    func largeDouble() {
        let view = TestTensor("t", .f64, [1], bytes: [1e300].withUnsafeBytes { Array($0) }).view
        #expect(view.firstNonFinite() == nil)
        #expect(view.isFinite(0..<1) && view.isFinite(pool: ComputePool(threads: 2)))
        #expect(view.number(at: 0) == 1e300)
        // As f32 it would not be one.
        #expect(view.firstNot(below: .infinity) == 0)
        #expect(!view.isBelow(.infinity, pool: ComputePool(threads: 2)))
    }

    @Test("A scalar has one element and an empty axis none")
    func shapes() {
        #expect([Int]().elementCount == 1)
        #expect([3, 0, 2].elementCount == 0)
        #expect([4, 2, 3].flattenedColumns == 6)
        #expect([4, 2, 3].shapeText == "[4, 2, 3]")
        #expect(TestTensor("t", [], [2]).view.matrix().values == [2])
        #expect(TestTensor("t", [0, 3], []).view.matrix().count == 0)
    }
}
