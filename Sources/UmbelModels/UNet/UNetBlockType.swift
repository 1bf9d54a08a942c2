/// The kinds of blocks that a U-Net may be built of, by the names that diffusers' configurations have for them.
///
/// A new one is a file beside this one and an entry in `all`.
package struct UNetBlockType: Sendable {
    package enum Maker: Sendable {
        case down(@Sendable (BlockPlan) throws(ModelError) -> any DownBlock)
        case middle(@Sendable (BlockPlan) throws(ModelError) -> any MiddleBlock)
        case up(@Sendable (BlockPlan) throws(ModelError) -> any UpBlock)
    }

    package let name: String
    package let maker: Maker

    package static let all: [UNetBlockType] = [
        downBlock2D, crossAttnDownBlock2D, attnDownBlock2D, resnetDownsampleBlock2D, simpleCrossAttnDownBlock2D,
        unetMidBlock2D, unetMidBlock2DCrossAttn, unetMidBlock2DSimpleCrossAttn,
        upBlock2D, crossAttnUpBlock2D, attnUpBlock2D, resnetUpsampleBlock2D, simpleCrossAttnUpBlock2D,
    ]

    /// Looks at all block types of a network, before anything is made.
    ///
    /// - Throws: `unsupported` for a name that there is no block of, or none for its place.
    static func check(_ configuration: UNetConfiguration) throws(ModelError) {
        for level in configuration.levels {
            guard case .down = maker(of: level.down) else {
                throw .unsupported(setting: "down_block_types", value: level.down)
            }
            guard case .up = maker(of: level.up) else {
                throw .unsupported(setting: "up_block_types", value: level.up)
            }
        }
        guard let middle = configuration.middle else { return }
        guard case .middle = maker(of: middle) else { throw .unsupported(setting: "mid_block_type", value: middle) }
    }

    /// - Throws: `unsupported` if there is no block of that name for the way down.
    static func down(_ name: String, _ plan: BlockPlan) throws(ModelError) -> any DownBlock {
        guard case .down(let make) = maker(of: name) else {
            throw .unsupported(setting: "down_block_types", value: name)
        }
        return try make(plan)
    }

    /// - Throws: `unsupported` if there is no block of that name for the middle.
    static func middle(_ name: String, _ plan: BlockPlan) throws(ModelError) -> any MiddleBlock {
        guard case .middle(let make) = maker(of: name) else {
            throw .unsupported(setting: "mid_block_type", value: name)
        }
        return try make(plan)
    }

    /// - Throws: `unsupported` if there is no block of that name for the way up.
    static func up(_ name: String, _ plan: BlockPlan) throws(ModelError) -> any UpBlock {
        guard case .up(let make) = maker(of: name) else {
            throw .unsupported(setting: "up_block_types", value: name)
        }
        return try make(plan)
    }

    /// Oldest configurations put "UNetRes" in front.
    private static func maker(of name: String) -> Maker? {
        let plain = name.hasPrefix("UNetRes") ? String(name.dropFirst("UNetRes".count)) : name
        return all.first { $0.name == plain }?.maker
    }
}
