/// The direction of the probability flow in σ, for samples that are picture + σ·noise: (x − picture)/σ.
struct Slope: Sendable {
    let prediction: Prediction

    /// The slope as a mix of the sample and the model's answer.
    func mix(at sigma: Float) -> Prediction.Mix {
        let clean = prediction.cleanOfExploding(NoiseLevel(ratio: sigma))
        return Prediction.Mix(sample: (1 - clean.sample) / Double(sigma), output: -clean.output / Double(sigma))
    }

    /// One straight step along it.
    func move(_ sample: Numbers, _ output: Numbers, from sigma: Float, to next: Float) {
        let step = Double(next) - Double(sigma)
        let slope = mix(at: sigma)
        sample.set(
            Prediction.Mix(sample: 1 + slope.sample * step, output: slope.output * step), sample: sample, output: output
        )
    }
}
