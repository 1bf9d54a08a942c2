package import CUmbelKernels

/// The element types of the safetensors format.
package enum DType: String, CaseIterable, Sendable {
    case f64 = "F64"
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case f8e4m3 = "F8_E4M3"
    case f8e5m2 = "F8_E5M2"
    case i64 = "I64"
    case i32 = "I32"
    case i16 = "I16"
    case i8 = "I8"
    case u64 = "U64"
    case u32 = "U32"
    case u16 = "U16"
    case u8 = "U8"
    case bool = "BOOL"

    /// Size of one element in bytes.
    package var byteCount: Int {
        switch self {
        case .f64, .i64, .u64: 8
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .f8e4m3, .f8e5m2, .i8, .u8, .bool: 1
        }
    }

    /// The kernels' word for a floating-point type; nil for the others.
    package var floatFormat: umbel_float_format? {
        switch self {
        case .f64: UMBEL_F64
        case .f32: UMBEL_F32
        case .f16: UMBEL_F16
        case .bf16: UMBEL_BF16
        case .f8e4m3: UMBEL_F8_E4M3
        case .f8e5m2: UMBEL_F8_E5M2
        default: nil
        }
    }

    package var isFloat: Bool { floatFormat != nil }

    /// f32 magnitudes below this one stay finite when rounded to the type; those from it on do not.
    package var overflowLimit: Float {
        switch self {
        case .f16: 65520
        case .bf16: 0x1.ffp127
        // 464 lies half-way to the code of NaN and still rounds down, to even.
        case .f8e4m3: Float(464).nextUp
        case .f8e5m2: 61440
        default: .infinity
        }
    }
}
