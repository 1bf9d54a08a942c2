import ArgumentParser
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelModels
import UmbelServer
import UmbelTensor

/// `umbel check`: will an adapter merge into a base, what does not match, what looks wrong.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether an adapter fits a base, what does not match and what looks wrong.",
        discussion: "Exits with 3 if the adapter would be refused.")

    @Argument(help: "A .safetensors file or a PEFT folder.")
    var adapter: String

    @Option(
        help: ArgumentHelp("A .safetensors file, a Hugging Face folder or a diffusers pipeline.", valueName: "path"))
    var base: String

    @OptionGroup var binding: BindingOptions
    @OptionGroup var compute: ComputeOptions

    @Flag(help: "Every module on its own line.")
    var verbose = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() throws {
        let pool = try compute.pool()
        let base = try Input.base(base, pool: pool)
        let adapter = try Input.adapter(self.adapter, json: json)
        if adapter.hasOnlyEmbeddings { return try checkEmbeddings(adapter, base) }
        let bound = Binder.bind(adapter, to: base.weights, names: try binding.names(of: base))
        let refusal = bound.report.refusal(allowsUnmatched: binding.allowUnmatched)
        var effects: [ModuleEffect]?
        var overflow: MergeError?
        do throws(MergeError) {
            let meter = EffectMeter(binding: bound, base: base.weights, pool: pool)
            try meter.checkFinite()
            effects = try meter.effects()
        } catch {
            overflow = error
        }
        let report = CheckReport(
            path: self.adapter, adapter: adapter, report: bound.report, effects: effects, refusal: refusal,
            overflow: overflow)
        Terminal.print(json ? report.json.prettyText : report.text(verbose: verbose))
        if refusal != nil || overflow != nil { Terminal.exit(.badInput) }
    }

    /// A textual inversion fits if the text encoders are as wide as its vectors are long.
    private func checkEmbeddings(_ adapter: Adapter, _ base: BaseModel) throws {
        let loaded = LoadedAdapter(digest: "", adapter: adapter)
        let name = LocalAdapter.name(of: self.adapter)
        var problem: Problem?
        do {
            try loaded.checkEmbeddings(on: [base])
        } catch {
            problem = Problem(error)
        }
        if json {
            var members = AdapterView.summary(adapter, nil)
            members.insert(.init("adapter", .string(self.adapter)), at: 0)
            members += [
                .init("embeddings", EmbeddingView.list(name, loaded, [base])), .init("mergeable", false),
                .init("usable", .bool(problem == nil)),
            ]
            Terminal.print(JSON.object(members).prettyText)
        } else {
            let words = loaded.embeddings(called: name).flatMap { (try? $0.get())?.words ?? [] }
            Terminal.print("\(self.adapter): textual inversion; words \(words.quoted)")
            Terminal.print("verdict     " + (problem.map { "refused: \($0.detail)" } ?? "prompts may use it"))
        }
        if problem != nil { Terminal.exit(.badInput) }
    }
}
