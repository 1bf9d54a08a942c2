internal import UmbelFormats

/// The blocks of a U-Net as its configuration lists them: each setting is one value for all levels, or one for each.
struct UNetLevels {
    private(set) var levels: [UNetConfiguration.Level] = []
    private(set) var middleTransformerLayers = 1

    init(_ settings: inout Settings) throws(ModelError) {
        let channels = try settings.integers("block_out_channels") ?? [320, 640, 1280, 1280]
        let count = channels.count
        guard count > 0 else { throw .unsupported(setting: "block_out_channels", value: "[]") }
        let down = try settings.texts("down_block_types") ?? Self.types("CrossAttnDownBlock2D", "DownBlock2D")
        let up = try settings.texts("up_block_types") ?? Self.types("CrossAttnUpBlock2D", "UpBlock2D").reversed()
        try Self.check(down.count, count, "down_block_types")
        try Self.check(up.count, count, "up_block_types")
        let layers = try Self.perLevel(&settings, "layers_per_block", count, default: 2)
        let heads = try Self.perLevel(&settings, "attention_head_dim", count, default: 8)
        let contexts = try Self.perLevel(&settings, "cross_attention_dim", count, default: 1280)
        let onlyText = try Self.flags(&settings, "only_cross_attention", count)
        let transformers = try TransformerLayers(&settings, layers)
        middleTransformerLayers = transformers.middle
        for index in 0..<count {
            // Up blocks are listed from the smallest pictures on.
            var level = UNetConfiguration.Level(
                channels: channels[index], down: down[index], up: up[count - 1 - index], layers: layers[index])
            level.heads = heads[index]
            level.headSize = heads[index]
            level.contextSize = contexts[index]
            level.looksOnlyAtText = onlyText[index]
            level.downTransformerLayers = transformers.down[index]
            level.upTransformerLayers = transformers.up[index]
            levels.append(level)
        }
    }

    private static func types(_ first: String, _ last: String) -> [String] { [first, first, first, last] }

    static func check(_ found: Int, _ expected: Int, _ setting: String) throws(ModelError) {
        guard found == expected else { throw .unsupported(setting: setting, value: "\(found) of \(expected)") }
    }

    private static func perLevel(
        _ settings: inout Settings, _ name: String, _ count: Int, default value: Int
    ) throws(ModelError) -> [Int] {
        let found = try settings.optional(name) { json in
            json.integer.flatMap { $0 > 0 ? Array(repeating: $0, count: count) : nil } ?? Settings.integers(json)
        }
        let values = found ?? Array(repeating: value, count: count)
        try check(values.count, count, name)
        return values
    }

    private static func flags(_ settings: inout Settings, _ name: String, _ count: Int) throws(ModelError) -> [Bool] {
        let found = try settings.optional(name) { json -> [Bool]? in
            if let flag = json.bool { return Array(repeating: flag, count: count) }
            guard let flags = json.array?.map(\.bool), !flags.contains(nil) else { return nil }
            return flags.compactMap(\.self)
        }
        let values = found ?? Array(repeating: false, count: count)
        try check(values.count, count, name)
        return values
    }
}

/// `transformer_layers_per_block`: a number, a number for each level, or a list for each level with a number for each layer.
private struct TransformerLayers {
    let down: [[Int]]
    let up: [[Int]]
    let middle: Int

    init(_ settings: inout Settings, _ layers: [Int]) throws(ModelError) {
        let name = "transformer_layers_per_block"
        let values = try settings.optional(name, Self.values) ?? .same(1)
        let reversed = try settings.optional("reverse_" + name, Self.values)
        down = try values.levels(layers, setting: name)
        // From the smallest pictures on, if it is given; and an up block has one layer more.
        let most = layers.map { $0 + 1 }
        if let reversed {
            up = try Array(reversed.levels(most.reversed(), setting: "reverse_" + name).reversed())
        } else {
            up = try values.levels(most, setting: name)
        }
        middle = down.last?.first ?? values.last
    }

    private enum Values {
        case same(Int)
        case listed([[Int]?], numbers: [Int])

        /// For each level a number for each layer.
        func levels(_ layers: [Int], setting: String) throws(ModelError) -> [[Int]] {
            switch self {
            case .same(let number): return layers.map { Array(repeating: number, count: $0) }
            case .listed(let lists, let numbers):
                try UNetLevels.check(lists.count, layers.count, setting)
                var result: [[Int]] = []
                for (level, count) in layers.enumerated() {
                    let list = lists[level] ?? Array(repeating: numbers[level], count: count)
                    guard list.count >= count else {
                        throw .unsupported(setting: setting, value: "\(list.count) of \(count)")
                    }
                    result.append(Array(list.prefix(count)))
                }
                return result
            }
        }

        var last: Int {
            switch self {
            case .same(let number): number
            case .listed(_, let numbers): numbers.last ?? 1
            }
        }
    }

    private static func values(_ json: JSON) -> Values? {
        if let number = json.integer { return number > 0 ? .same(number) : nil }
        guard let array = json.array else { return nil }
        var (lists, numbers): ([[Int]?], [Int]) = ([], [])
        for value in array {
            if let number = value.integer, number > 0 {
                lists.append(nil)
                numbers.append(number)
            } else if let list = Settings.integers(value), let first = list.first {
                lists.append(list)
                numbers.append(first)
            } else {
                return nil
            }
        }
        return .listed(lists, numbers: numbers)
    }
}
