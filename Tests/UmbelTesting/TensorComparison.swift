import UmbelFormats
import UmbelTensor

/// How far a tensor is from what it should be, compared in f64.
package struct TensorComparison {
    package let largestError: Double
    /// The element that is furthest outside its tolerance, in words; nil if all are within.
    package let failure: String?

    /// |actual − expected| ≤ atol + rtol·|expected| for every element.
    package init(_ actual: TensorView, _ expected: TensorView, atol: Double, rtol: Double = 0) {
        guard actual.shape == expected.shape else {
            largestError = .infinity
            failure = "shape \(actual.shape) instead of \(expected.shape)"
            return
        }
        var largest = 0.0
        var worst: (excess: Double, text: String)?
        for index in 0..<actual.elementCount {
            let (a, e) = (actual.number(at: index), expected.number(at: index))
            let error = abs(a - e)
            largest = max(largest, error.isNaN ? .infinity : error)
            let excess = error - (atol + rtol * abs(e))
            if !(excess <= 0), excess.isNaN || excess > worst?.excess ?? 0 {
                worst = (excess, "element \(index) is \(a) instead of \(e), off by \(error)")
            }
        }
        largestError = largest
        failure = worst?.text
    }

    /// At most `ulps` steps of the 16-bit type both have.
    package init(_ actual: TensorView, _ expected: TensorView, ulps: Int) {
        guard actual.shape == expected.shape, actual.dtype == expected.dtype, actual.dtype.byteCount == 2 else {
            largestError = .infinity
            failure = "\(actual.dtype) \(actual.shape) instead of \(expected.dtype) \(expected.shape)"
            return
        }
        func step(_ view: TensorView, _ index: Int) -> Int {
            let bits = Int(view.bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            return bits & 0x8000 != 0 ? -(bits & 0x7fff) : bits
        }
        var worst = 0
        var place = 0
        for index in 0..<actual.elementCount {
            let distance = abs(step(actual, index) - step(expected, index))
            if distance > worst { (worst, place) = (distance, index) }
        }
        largestError = Double(worst)
        failure = worst > ulps ? "element \(place) is \(worst) steps off" : nil
    }
}
