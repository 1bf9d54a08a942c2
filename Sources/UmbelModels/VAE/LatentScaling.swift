internal import UmbelTensor

/// What lies between an autoencoder's latents and those that a U-Net works on: the latter have about variance 1.
package struct LatentScaling: Hashable, Sendable {
    package var factor: Double
    package var shift: Double
    /// Of each channel; nil for 0 and 1.
    package var means: [Double]?
    package var deviations: [Double]?

    package init(factor: Double = 0.18215, shift: Double = 0) {
        self.factor = factor
        self.shift = shift
    }

    init(_ settings: inout Settings, channels: Int) throws(ModelError) {
        self.init()
        factor = try settings.number("scaling_factor", default: factor)
        shift = try settings.number("shift_factor", default: shift)
        means = try settings.numbers("latents_mean")
        deviations = try settings.numbers("latents_std")
        guard factor.isFinite, factor != 0 else { throw .unsupported(setting: "scaling_factor", value: "\(factor)") }
        for (name, values) in [("latents_mean", means), ("latents_std", deviations)] {
            guard let values else { continue }
            try UNetLevels.check(values.count, channels, name)
        }
        if let deviations, deviations.contains(0) { throw .unsupported(setting: "latents_std", value: "0") }
    }

    /// (z - mean) · factor / deviation of what the encoder gives, less the shift beforehand.
    package func forNetwork(_ latents: FeatureMap) -> FeatureMap {
        mapped(latents) { channel in
            let scale = factor / (deviations?[channel] ?? 1)
            return (scale, -((means?[channel] ?? 0) + shift) * scale)
        }
    }

    /// The latents for the decoder: z · deviation / factor + mean + shift.
    package func forDecoder(_ latents: FeatureMap) -> FeatureMap {
        mapped(latents) { channel in
            ((deviations?[channel] ?? 1) / factor, (means?[channel] ?? 0) + shift)
        }
    }

    private func mapped(_ latents: FeatureMap, _ line: (_ channel: Int) -> (Double, Double)) -> FeatureMap {
        let out = latents.with(Matrix(rows: latents.values.rows, columns: latents.channels))
        for channel in 0..<latents.channels {
            let (scale, offset) = line(channel)
            for row in 0..<latents.values.rows {
                out.values.row(row)[channel] = Float(Double(latents.values.row(row)[channel]) * scale + offset)
            }
        }
        return out
    }
}
