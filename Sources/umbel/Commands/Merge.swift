import ArgumentParser
import Dispatch
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelNames
import UmbelPOSIX
import UmbelServer
import UmbelTensor

/// `umbel merge`: writes a base with adapters applied.
struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a base with adapters merged into it.",
        discussion: """
            Adapters are applied from left to right, each on the weights that the ones before it left. Needs memory for the
            tensors in flight, not for the model. Writes the same bytes that umbel serve serves.

              umbel merge --base sd15.safetensors --adapter ink.safetensors:0.8 --out merged.safetensors
              umbel merge --base ./pipeline --adapter ./peft-folder --adapter b.safetensors:-0.5 --out ./merged

            Several adapters can be combined into one difference; in their paths a backslash goes before , ; ( ) and \\.

              umbel merge --base sd15.safetensors --adapter 'ties(a.safetensors:0.8,b.safetensors;density=0.5):1' \
                --out merged.safetensors
            """)

    @Option(
        help: ArgumentHelp("A .safetensors file, a Hugging Face folder or a diffusers pipeline.", valueName: "path"))
    var base: String

    @Option(
        help: ArgumentHelp(
            "A .safetensors file or a PEFT folder, with scale (and :te=…:unet=…:lbw=…), or a combination. Repeatable.",
            valueName: "path[:scale]"), transform: RecipeArgument.init(parsing:))
    var adapter: [RecipeArgument] = []

    @Option(help: ArgumentHelp("The file or folder to write.", valueName: "path"))
    var out: String

    @Option(help: "Convert every floating-point tensor: f32, f16 or bf16. The base's own types by default.")
    var dtype: String?

    @OptionGroup var binding: BindingOptions
    @OptionGroup var compute: ComputeOptions

    @Flag(help: "Say what combinations lose by being cut to a rank. Costs their decompositions once more.")
    var report = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if let dtype, DTypeParameter.names[dtype.lowercased()] == nil {
            throw ValidationError("--dtype is f32, f16 or bf16")
        }
    }

    func run() throws {
        let pool = try compute.pool()
        let model = try model(pool)
        let start = DispatchTime.now().uptimeNanoseconds
        let written = try write(model, StreamedTensors(pool: pool))
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        let losses = try report ? losses(of: model, pool) : []
        printResult(of: model, written: written, seconds: seconds, losses: losses)
    }

    private func model(_ pool: ComputePool) throws -> MergedModel {
        let base = try Input.base(base, pool: pool)
        let names = try binding.names(of: base)
        var steps: [MergePlan.Step] = []
        for argument in adapter {
            steps += try self.steps(of: argument, binding: try binding(of: argument, base, names), base)
        }
        let dtype = dtype.flatMap { DTypeParameter.names[$0.lowercased()] }.flatMap { base.hasOnly($0) ? nil : $0 }
        if let dtype {
            do {
                try base.checkRange(of: dtype, pool: pool)
            } catch {
                throw CommandFailure(.badInput, error.sentence)
            }
        }
        let plan = MergePlan(base: base.weights, steps: steps)
        do {
            try plan.checkShapes()
        } catch {
            throw CommandFailure(.badInput, error.sentence)
        }
        return MergedModel(base: base, plan: plan, dtype: dtype)
    }

    /// One step, or one for each strength that parts of an adapter have.
    private func steps(
        of argument: RecipeArgument, binding: Binding, _ base: BaseModel
    ) throws -> [MergePlan.Step] {
        guard case .adapter(let adapter) = argument else {
            return [.init(binding: binding, strength: argument.scale.value)]
        }
        do {
            let term = ModelReference.Term(
                adapter: adapter.path, selector: nil, scale: adapter.scale, parts: adapter.parts)
            return try PartStrengths(term, base).steps(binding)
        } catch {
            throw CommandFailure(.badInput, Problem(error).detail)
        }
    }

    private func binding(of argument: RecipeArgument, _ base: BaseModel, _ names: NameTable) throws -> Binding {
        switch argument {
        case .adapter(let adapter): return try bound(adapter, base, names).binding
        case .combination(let combination, let adapters, _):
            let parts = try adapters.map { argument in
                let (adapter, binding) = try bound(argument, base, names)
                return CombinationPart(adapter, binding, weight: argument.scale)
            }
            do {
                return try combination.binding(of: parts, on: base.weights)
            } catch {
                let problem = Problem(EngineError.combination(error))
                if json { Terminal.print(problem.jsonDocument) }
                throw CommandFailure(.badInput, problem.detail)
            }
        }
    }

    private func bound(
        _ argument: AdapterArgument, _ base: BaseModel, _ names: NameTable
    ) throws -> (adapter: Adapter, binding: Binding) {
        let adapter = try Input.adapter(argument.path, json: json)
        let bound = Binder.bind(adapter, to: base.weights, names: names)
        if let refusal = bound.report.refusal(allowsUnmatched: binding.allowUnmatched) {
            let problem = Problem(EngineError.binding(refusal, reports: [(self.base, bound.report)]))
            if json { Terminal.print(problem.jsonDocument) }
            let details = json ? "" : CheckReport.complaints(bound.report)
            throw CommandFailure(.badInput, "\(argument.path): \(problem.detail)\(details)")
        }
        return (adapter, bound)
    }

    /// - Returns: paths and bytes of what was written.
    private func write(_ model: MergedModel, _ tensors: StreamedTensors) throws -> [(path: String, bytes: Int)] {
        var progress = ProgressBar(label: "merging", total: model.files.reduce(0) { $0 + $1.bytes }, isQuiet: json)
        var written: [(path: String, bytes: Int)] = []
        do {
            for file in model.files {
                let path = try destination(of: file, in: model)
                let output = try AtomicFile(path: path)
                try model.write(0..<file.bytes, of: file, from: tensors) { piece in
                    try piece.withBytes { try output.write($0) }
                    progress.add(piece.count)
                }
                try output.commit()
                written.append((path, file.bytes))
            }
        } catch {
            progress.finish()
            if json { Terminal.print(Problem(error).jsonDocument) }
            throw CommandFailure(error is MergeError ? .badInput : .failed, Problem(error).detail)
        }
        progress.finish()
        return written
    }

    /// A single file may be written into a folder, under its own name.
    private func destination(of file: MergedModel.File, in model: MergedModel) throws -> String {
        if model.base.isSingleFile {
            guard Directory.isDirectory(out) || out.hasSuffix("/") else { return out }
            try Directory.create(out)
            return out + (out.hasSuffix("/") ? "" : "/") + file.path
        }
        let path = out + "/" + file.path
        try Directory.create(Directory.parent(of: path))
        return path
    }

    /// What each entry of the recipe that is cut to a rank loses.
    private func losses(of model: MergedModel, _ pool: ComputePool) throws -> [CombinationReport] {
        let merger = TensorMerger(plan: model.plan, pool: pool)
        return try model.plan.steps.indices.map { try merger.combinationReport(ofStep: $0) }
            .filter { !$0.modules.isEmpty }
    }

    private func printResult(
        of model: MergedModel, written: [(path: String, bytes: Int)], seconds: Double, losses: [CombinationReport]
    ) {
        let bytes = written.reduce(0) { $0 + $1.bytes }
        if json {
            let notes = model.plan.steps.flatMap(\.binding.report.notes)
            Terminal.print(
                JSON.object([
                    .init(
                        "files", .array(written.map { ["path": .string($0.path), "bytes": JSON($0.bytes)] })),
                    .init("bytes", JSON(bytes)), .init("seconds", JSON(seconds)),
                    .init(
                        "tensors",
                        ["merged": JSON(model.plan.touched.count), "total": JSON(model.base.weights.views.count)]),
                    .init(
                        "warnings",
                        .array(notes.map { ["code": .string($0.code.rawValue), "message": .string($0.sentence)] })),
                    .init("lost_energy", .array(losses.map { JSON($0.total.lost) })),
                ]).prettyText)
            return
        }
        for note in model.plan.steps.flatMap(\.binding.report.notes) {
            Terminal.error("note: \(note.sentence) (\(note.keys.quoted))", prefix: "")
        }
        for loss in losses {
            let worst = loss.modules.max { $0.energy.lost < $1.energy.lost }
            Terminal.print(
                "cut to a rank: lost \(Self.percent(loss.total.lost)) of the energy, at most \(Self.percent(worst?.energy.lost ?? 0)) (\(worst?.name ?? ""))"
            )
        }
        Terminal.print(
            "merged \(model.plan.touched.count) of \(model.base.weights.views.count) tensors, wrote \(ByteCount.text(bytes)) to \(out)"
        )
    }
}

extension Merge {
    fileprivate static func percent(_ share: Double) -> String { "\((share * 10_000).rounded() / 100) %" }
}

extension Problem {
    /// What `--json` prints of a refusal.
    var jsonDocument: String { JSON.object([.init("error", json)]).prettyText }

    private var json: JSON {
        ["code": .string(code), "title": .string(title), "detail": .string(detail), "errors": .array(errors)]
    }
}
