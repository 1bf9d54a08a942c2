package import UmbelFormats

extension TrafficRoute {
    /// The route as clients write it and as it is stored.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init(
                "arms",
                .array(
                    arms.map { arm in
                        .object(
                            [.init("name", JSON(arm.name)), .init("model", JSON(arm.model))] + Self.members(arm.served)
                                + [.init("weight", JSON(arm.weight))])
                    })),
            .init("sticky", JSON(stickiness.text)),
        ]
        if !shadows.isEmpty {
            members.append(
                .init(
                    "shadow",
                    .array(
                        shadows.map { shadow in
                            .object(
                                [.init("name", JSON(shadow.name)), .init("model", JSON(shadow.model))]
                                    + Self.members(shadow.served) + [.init("share", JSON(shadow.share))])
                        })))
        }
        if !goals.isEmpty {
            let sorted = goals.sorted { $0.key < $1.key }
            members.append(.init("goals", .object(sorted.map { .init($0.key, JSON($0.value.rawValue)) })))
        }
        return .object(members)
    }

    private static func members(_ served: Served?) -> [JSON.Member] {
        guard let served else { return [] }
        return [.init("variant", JSON(served.variant))] + (served.dtype.map { [.init("dtype", JSON($0))] } ?? [])
    }

    /// Reads what `json` wrote.
    ///
    /// - Returns: nil if it is anything else.
    init?(stored text: String) {
        guard let json = try? JSON(parsing: Array(text.utf8)), let arms = json["arms"]?.array,
            let stickiness = json["sticky"]?.string.flatMap(Stickiness.init(text:))
        else { return nil }
        try? self.init(
            arms: arms.compactMap { arm in
                guard let name = arm["name"]?.string, let model = arm["model"]?.string,
                    let weight = arm["weight"]?.double
                else { return nil }
                return Arm(name: name, model: model, weight: weight, served: Served(arm))
            },
            shadows: (json["shadow"]?.array ?? []).compactMap { shadow in
                guard let name = shadow["name"]?.string, let model = shadow["model"]?.string,
                    let share = shadow["share"]?.double
                else { return nil }
                return Shadow(name: name, model: model, share: share, served: Served(shadow))
            },
            stickiness: stickiness,
            goals: Dictionary(
                (json["goals"]?.members ?? []).compactMap { member in
                    member.value.string.flatMap(Goal.init).map { (member.name, $0) }
                }, uniquingKeysWith: { first, _ in first }))
    }
}

extension TrafficRoute.Served {
    fileprivate init?(_ json: JSON) {
        guard let variant = json["variant"]?.string else { return nil }
        self.init(variant: variant, dtype: json["dtype"]?.string)
    }
}

extension TrafficRoute.Stickiness {
    /// "none", "user" or "header:<Name>".
    package var text: String {
        switch self {
        case .none: "none"
        case .user: "user"
        case .header(let name): "header:\(name)"
        }
    }

    /// - Returns: nil for anything else than `text` gives.
    package init?(text: String) {
        switch text {
        case "none": self = .none
        case "user": self = .user
        default:
            guard text.hasPrefix("header:") else { return nil }
            let name = String(text.dropFirst("header:".count))
            let isToken =
                !name.isEmpty && name.utf8.count <= 128
                && name.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
                        || "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            guard isToken else { return nil }
            self = .header(name)
        }
    }
}
