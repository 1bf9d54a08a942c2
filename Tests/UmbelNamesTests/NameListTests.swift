import Testing
import UmbelNames

@Suite("Full-size models")
struct NameListTests {
    @Test(
        "Every stem of every style means the right rows of the right tensor", arguments: NameList.all,
        NameList.Layout.allCases)
    func everyRow(name: String, layout: NameList.Layout) throws {
        let list = try NameList(name)
        try check(list, layout, NameTable(catalog: BaseCatalog(tensors: list.base(layout))), list.base(layout))
    }

    @Test("Every stem of a fused tensor means all its parts", arguments: NameList.all, NameList.Layout.allCases)
    func fusedStems(name: String, layout: NameList.Layout) throws {
        let list = try NameList(name)
        let base = list.base(layout)
        let table = NameTable(catalog: BaseCatalog(tensors: base))
        let index = Dictionary(uniqueKeysWithValues: base.enumerated().map { ($0.element.name, $0.offset) })
        for fused in list.fused {
            for (stem, target) in zip(fused.stems, table.resolve(fused.stems)) {
                let weight = try #require(target.target?.weight, "\(stem)")
                let expected =
                    layout == .single
                    ? [Piece(tensor: try #require(index[fused.single]))]
                    : try fused.parts.map { Piece(tensor: try #require(index[$0])) }
                #expect(weight.pieces == expected, "\(stem)")
                #expect(weight.shape[0] == expected.reduce(0) { $0 + base[$1.tensor].shape[0] }, "\(stem)")
            }
            guard let (stem, rows) = fused.cut else { continue }
            let weight = try #require(table.resolve([stem])[0].target?.weight, "\(stem)")
            #expect(weight.shape[0] == rows.count)
            if layout == .single {
                var piece = Piece(tensor: try #require(index[fused.single]))
                piece.rows = rows
                #expect(weight.pieces == [piece])
            } else {
                #expect(weight.pieces == (try fused.parts.prefix(3).map { Piece(tensor: try #require(index[$0])) }))
            }
        }
    }

    @Test("No mangled name of a public model means two things", arguments: NameList.all)
    func noCollisions(name: String) throws {
        let list = try NameList(name)
        #expect(list.collisions == 0)
        for layout in NameList.Layout.allCases {
            let table = NameTable(catalog: BaseCatalog(tensors: list.base(layout)))
            for resolution in table.resolve(list.rows.flatMap { $0.stems.values }) {
                if case .ambiguous(let modules) = resolution { Issue.record("\(modules)") }
            }
        }
    }

    @Test("Components beside each other do not disturb each other", arguments: NameList.Layout.allCases)
    func wholeModel(layout: NameList.Layout) throws {
        let lists = try ["sdxl-unet", "sdxl-text-encoder", "sdxl-text-encoder-2", "sd-vae"].map(NameList.init)
        let base = lists.flatMap { $0.base(layout) }
        let table = NameTable(catalog: BaseCatalog(tensors: base))
        for list in lists {
            // Two encoders have the same paths: without a component, they cannot be told apart.
            try check(list, layout, table, base, except: list.kind.hasSuffix("clip") ? ["peft"] : [])
        }
    }

    private func check(
        _ list: NameList, _ layout: NameList.Layout, _ table: NameTable, _ base: [BaseTensor],
        except: Set<String> = []
    ) throws {
        let index = Dictionary(uniqueKeysWithValues: base.enumerated().map { ($0.element.path, $0.offset) })
        let tensors = Dictionary(uniqueKeysWithValues: list.tensors.map { ($0.diffusers, $0) })
        var checked = 0
        for row in list.rows {
            let columns = row.stems.keys.sorted().filter { !except.contains($0) }
            let weight = try #require(tensors[row.tensor])
            let bias = tensors[row.tensor.replacing(".weight", with: ".bias")]
            let resolutions = table.resolve(columns.compactMap { row.stems[$0] })
            for (column, resolution) in zip(columns, resolutions) {
                guard let target = resolution.target else {
                    Issue.record("\(column) \(row.stems[column] ?? ""): \(resolution)")
                    continue
                }
                let turned = list.isOriginal(column) != (layout == .single)
                try #expect(target.weight == view(weight, layout, turned: turned, list, base, index))
                try #expect(target.bias == bias.map { try view($0, layout, turned: turned, list, base, index) })
                checked += 1
            }
        }
        #expect(checked >= list.rows.count)
    }

    /// What a row's operation says, for a stem whose naming differs from the base's if `turned`.
    private func view(
        _ tensor: NameList.Tensor, _ layout: NameList.Layout, turned: Bool, _ list: NameList, _ base: [BaseTensor],
        _ index: [String: Int]
    ) throws -> TargetView {
        let name = layout == .single ? tensor.single : "\(list.folder)/\(tensor.diffusers)"
        let number = try #require(index[name], "\(name)")
        var piece = Piece(tensor: number)
        piece.halvesSwapped = turned && tensor.swapped
        piece.transposed = turned && tensor.transposed
        piece.rows = turned ? tensor.rows : nil
        return TargetView(pieces: [piece], shape: tensor.reshaped ? base[number].shape : tensor.shape)
    }
}
