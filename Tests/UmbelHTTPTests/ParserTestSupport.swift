internal import HTTPTypes
import UmbelHTTP

/// Feeds `text` cut at `cuts` and collects the heads, up to the first refusal.
func parse(_ bytes: [UInt8], cuts: [Int] = [], limits: HTTPLimits = HTTPLimits()) -> [RequestParser.Outcome] {
    var parser = RequestParser(limits: limits)
    var outcomes: [RequestParser.Outcome] = []
    let ends = cuts + [bytes.count]
    var start = 0
    for end in ends {
        var piece = bytes[start..<end]
        start = end
        while !piece.isEmpty {
            let (consumed, outcome) = piece.withUnsafeBytes { parser.consume($0) }
            piece = piece.dropFirst(consumed)
            if outcome != .needsMore { outcomes.append(outcome) }
            if case .refused = outcome { return outcomes }
        }
    }
    return outcomes
}

func parse(_ text: String, limits: HTTPLimits = HTTPLimits()) -> [RequestParser.Outcome] {
    parse(Array(text.utf8), limits: limits)
}

func parseBytewise(_ text: String, limits: HTTPLimits = HTTPLimits()) -> [RequestParser.Outcome] {
    let bytes = Array(text.utf8)
    return parse(bytes, cuts: Array(bytes.indices), limits: limits)
}

extension RequestParser.Outcome {
    var status: Int {
        if case .refused(let refusal) = self { refusal.status.code } else { 200 }
    }

    var head: RequestHead? {
        if case .head(let head) = self { head } else { nil }
    }
}
