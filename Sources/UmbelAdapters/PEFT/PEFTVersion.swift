internal import UmbelFormats

/// The release that wrote an adapter: `peft_version`, as far as formulas depend on it.
///
/// Written since 0.18.0 only. A build suffix may follow ("0.18.1.dev0@unknown").
package struct PEFTVersion: Comparable, Sendable {
    package let major: Int
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// - Returns: nil if the text does not begin with two numbers.
    package init?(parsing text: String) {
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
        self.init(major, minor)
    }

    package static func < (left: PEFTVersion, right: PEFTVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

extension PEFTConfig {
    package var version: PEFTVersion? { fields["peft_version"]?.string.flatMap(PEFTVersion.init(parsing:)) }
}
