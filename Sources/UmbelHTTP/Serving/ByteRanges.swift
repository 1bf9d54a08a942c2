/// What a `Range` header asks for.
package enum ByteRangesResult: Equatable, Sendable {
    /// Malformed, in another unit, or more ranges than `ByteRanges.limit`: answer as if it had not been sent.
    case ignored
    /// Well-formed, but nothing of it lies inside: 416.
    case unsatisfiable
    /// One or more ranges, each non-empty and inside, none touching another.
    case satisfiable([Range<Int>])
}

/// `bytes=0-499, 9500-, -500` (RFC 9110, 14.1.2).
package struct ByteRanges {
    /// More ranges than this in one header are ignored: no reader needs them, and answering costs more than they save.
    package static let limit = 64

    /// - Parameter count: the length of what is asked for, in bytes.
    ///
    /// Ranges that overlap or touch become one (RFC 9110, 15.3.7.2), at the place of the first that asked for a part of
    /// it; otherwise the client's order is kept.
    package static func parse(_ header: String, count: Int) -> ByteRangesResult {
        let bytes = Array(header.utf8)
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")),
            bytes[..<equals].map(ASCII.lowercase).elementsEqual("bytes".utf8)
        else { return .ignored }
        let specifications = bytes[(equals + 1)...].split(separator: UInt8(ascii: ",")).map(ASCII.trimmed)
            .filter { !$0.isEmpty }
        guard !specifications.isEmpty, specifications.count <= limit else { return .ignored }
        var ranges: [Range<Int>] = []
        for specification in specifications {
            guard let range = range(specification, count) else { return .ignored }
            if !range.isEmpty { ranges.append(range) }
        }
        return ranges.isEmpty ? .unsatisfiable : .satisfiable(coalesced(ranges))
    }

    /// One element; empty when it lies outside, nil when it is malformed.
    private static func range(_ specification: ArraySlice<UInt8>, _ count: Int) -> Range<Int>? {
        guard let dash = specification.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let first = specification[..<dash]
        let last = specification[(dash + 1)...]
        if first.isEmpty {
            guard let suffix = number(last) else { return nil }
            return (count - min(suffix, count))..<count
        }
        guard let start = number(first) else { return nil }
        if last.isEmpty { return min(start, count)..<count }
        guard let end = number(last), end >= start else { return nil }
        return min(start, count)..<(end < count ? end + 1 : count)
    }

    /// Digits only; a number too large to hold is larger than any length.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy(ASCII.isDigit) else { return nil }
        return ASCII.decimal(digits) ?? .max
    }

    private static func coalesced(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var merged: [(range: Range<Int>, order: Int)] = []
        for (order, range) in ranges.enumerated().sorted(by: { $0.element.lowerBound < $1.element.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.range.upperBound {
                let end = max(last.range.upperBound, range.upperBound)
                merged[merged.count - 1] = (last.range.lowerBound..<end, min(last.order, order))
            } else {
                merged.append((range, order))
            }
        }
        return merged.sorted { $0.order < $1.order }.map(\.range)
    }
}
