import ArgumentParser
import UmbelTensor

/// The types that a generated base can have.
enum WeightType: String, CaseIterable, ExpressibleByArgument {
    case bf16, f16, f32
    case f8 = "f8_e4m3"

    var dtype: DType {
        switch self {
        case .bf16: .bf16
        case .f16: .f16
        case .f32: .f32
        case .f8: .f8e4m3
        }
    }
}
