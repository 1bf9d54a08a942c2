internal import UmbelFormats
package import UmbelStatistics

/// What was counted on one arm of a route.
package struct ArmFigures: Hashable, Sendable {
    package var requests = 0
    /// Requests that failed on our side: a status of 500 or more, or a body that broke off.
    package var errors = 0
    /// From the last byte of a request's head to the last byte of its answer, failures left out.
    package var latency = LatencyHistogram()
    /// Shadow requests that were not made because too many were waiting.
    package var dropped = 0

    package init() {}
}

extension ArmFigures {
    var json: JSON {
        [
            "requests": JSON(requests), "errors": JSON(errors), "dropped": JSON(dropped),
            "latency_sum": JSON(latency.sum),
            "latency": .array(latency.sparse.map { .array([JSON($0.bucket), JSON($0.count)]) }),
        ]
    }

    /// Reads what `json` wrote.
    ///
    /// - Returns: nil if it is anything else.
    init?(stored text: String) {
        guard let json = try? JSON(parsing: Array(text.utf8)), let requests = json["requests"]?.integer,
            let errors = json["errors"]?.integer, let dropped = json["dropped"]?.integer,
            let sum = json["latency_sum"]?.integer, let buckets = json["latency"]?.array
        else { return nil }
        let sparse = buckets.compactMap { pair -> (bucket: Int, count: Int)? in
            guard let pair = pair.array, pair.count == 2, let bucket = pair[0].integer, let count = pair[1].integer
            else { return nil }
            return (bucket, count)
        }
        guard let latency = LatencyHistogram(sparse: sparse, sum: sum) else { return nil }
        self.init()
        self.requests = requests
        self.errors = errors
        self.dropped = dropped
        self.latency = latency
    }
}

extension RunningMoments {
    var json: JSON {
        [
            "count": JSON(count), "mean": JSON(exactly: mean), "squares": JSON(exactly: squares),
            "minimum": JSON(exactly: minimum), "maximum": JSON(exactly: maximum), "binary": .bool(isBinary),
        ]
    }

    /// Reads what `json` wrote.
    ///
    /// - Returns: nil if it is anything else.
    init?(stored text: String) {
        guard let json = try? JSON(parsing: Array(text.utf8)), let count = json["count"]?.integer,
            let mean = json["mean"]?.double, let squares = json["squares"]?.double,
            let minimum = json["minimum"]?.double, let maximum = json["maximum"]?.double,
            let isBinary = json["binary"]?.bool
        else { return nil }
        self.init(
            count: count, mean: mean, squares: squares, minimum: minimum, maximum: maximum, isBinary: isBinary)
    }
}

extension JSON {
    /// A finite number with all its digits.
    fileprivate init(exactly value: Double) { self = .number("\(value)") }
}
