internal import UmbelEngine
internal import UmbelFormats
internal import UmbelStatistics

/// The report of a route as JSON.
enum ReportView {
    static func object(_ report: RouteReport, _ live: LiveRoute) -> JSON {
        [
            "route": JSON(live.name), "generation": JSON(live.generation), "experiment": JSON(live.experiment.number),
            "level": JSON(report.level), "control": JSON(report.control),
            "arms": .array(report.arms.map { arm($0, live) }), "shadow": .array(report.shadows.map { arm($0, live) }),
            "metrics": .array(report.metrics.map(metric)),
            "sample_ratio": report.sampleRatio.map { sampleRatio($0, report) } ?? .null,
        ]
    }

    private static func arm(_ arm: RouteReport.Arm, _ live: LiveRoute) -> JSON {
        let latency = arm.figures.latency
        func milliseconds(_ quantile: Double) -> JSON { number(latency.quantile(quantile).map { $0 / 1000 }) }
        return [
            "name": JSON(arm.name), "model": JSON(live.model(of: arm.name)),
            "variant": JSON(live.knownVariant(of: arm.name)?.id), "requests": JSON(arm.figures.requests),
            "errors": JSON(arm.figures.errors), "dropped": JSON(arm.figures.dropped),
            "error_rate": arm.errorRate.map { rate in
                [
                    "value": JSON(rate.proportion), "interval": [JSON(rate.lower), JSON(rate.upper)],
                ]
            } ?? .null,
            "latency_ms": [
                "count": JSON(latency.count), "mean": number(latency.mean.map { $0 / 1000 }), "p50": milliseconds(0.5),
                "p90": milliseconds(0.9), "p95": milliseconds(0.95), "p99": milliseconds(0.99),
            ],
        ]
    }

    private static func metric(_ metric: RouteReport.Metric) -> JSON {
        [
            "name": JSON(metric.name), "goal": .string(metric.goal.rawValue), "winner": JSON(metric.winner),
            "arms": .array(metric.values.map(value)), "comparisons": .array(metric.comparisons.map(comparison)),
        ]
    }

    private static func value(_ value: RouteReport.Value) -> JSON {
        let moments = value.moments
        let isEmpty = moments.count == 0
        return [
            "arm": JSON(value.arm), "count": JSON(moments.count), "mean": isEmpty ? .null : JSON(moments.mean),
            "deviation": number(moments.variance.map { $0.squareRoot() }),
            "minimum": isEmpty ? .null : JSON(moments.minimum), "maximum": isEmpty ? .null : JSON(moments.maximum),
            "interval": value.interval.map { [JSON($0.lower), JSON($0.upper)] } ?? .null,
            "probability_best": number(value.probabilityBest),
        ]
    }

    private static func comparison(_ comparison: RouteReport.Comparison) -> JSON {
        let result = comparison.result
        return [
            "arm": JSON(comparison.arm), "difference": JSON(result.difference),
            "interval": result.interval.map { [JSON($0.lowerBound), JSON($0.upperBound)] } ?? .null,
            "p_value": JSON(result.pValue), "decision": .string(word(result.decision)),
        ]
    }

    private static func word(_ decision: SequentialComparison.Decision) -> String {
        switch decision {
        case .tooFewValues: "too_few_values"
        case .noVariance: "no_variance"
        case .undecided: "undecided"
        case .higher: "higher"
        case .lower: "lower"
        }
    }

    private static func sampleRatio(_ ratio: SampleRatioMismatch, _ report: RouteReport) -> JSON {
        [
            "observed": .object(zip(report.arms, ratio.observed).map { .init($0.name, JSON($1)) }),
            "expected": .object(zip(report.arms, ratio.expected).map { .init($0.name, JSON($1)) }),
            "p_value": JSON(ratio.pValue), "sequential_p_value": JSON(ratio.sequentialPValue),
            "warning": .bool(ratio.isWarning),
        ]
    }

    private static func number(_ value: Double?) -> JSON { value.map { JSON($0) } ?? .null }
}
