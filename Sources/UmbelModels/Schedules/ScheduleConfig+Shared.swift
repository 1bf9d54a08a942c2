internal import UmbelFormats

extension ScheduleConfig {
    /// `sigma_min` or `sigma_max`.
    func sigma(_ name: String) throws(ScheduleError) -> Double? {
        guard let sigma = try number(name) else { return nil }
        guard sigma > 0, sigma < 1e9 else { throw .outOfRange(field: name) }
        return sigma
    }
}

extension Prediction {
    /// - Parameters:
    ///   - allowed: what the class knows of `prediction_type`.
    ///   - alsoOriginal: whether "original_sample" is another word for "sample".
    init(
        _ config: ScheduleConfig, allowed: Set<Prediction> = [.epsilon, .sample, .velocity], alsoOriginal: Bool = false
    ) throws(ScheduleError) {
        if alsoOriginal, config.value("prediction_type") == "original_sample" {
            self = .sample
            return
        }
        self = try config.choice("prediction_type", default: .epsilon)
        guard allowed.contains(self) else { throw .unsupported(field: "prediction_type", value: rawValue) }
    }
}
