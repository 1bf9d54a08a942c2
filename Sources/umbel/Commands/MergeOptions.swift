import ArgumentParser
import UmbelAdapters
import UmbelEngine
import UmbelNames
import UmbelPOSIX
import UmbelRegistry
import UmbelServer
import UmbelTensor

/// Options that several commands share.
struct BindingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What a prefix of the adapter's names stands for, as lora_te1=text_encoder. Repeatable.",
            valueName: "p=component"))
    var prefix: [String] = []

    @Flag(help: "Merge although a part of the adapter finds no place in the base.")
    var allowUnmatched = false

    /// The base's names with the prefixes given.
    func names(of base: BaseModel) throws -> NameTable {
        let prefixes = try prefix.map { text in
            guard let prefix = Prefix(text) else {
                throw ValidationError("'\(text)' is not of the form prefix=component")
            }
            return prefix
        }
        let names = base.names(prefixes: prefixes)
        guard names.unknownPlaces.isEmpty else {
            throw ValidationError("the base has nothing called \(names.unknownPlaces.quoted)")
        }
        return names
    }
}

struct ComputeOptions: ParsableArguments {
    @Option(help: "Computing threads; as many as there are processors by default.")
    var threads: Int?

    func pool() throws -> ComputePool {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is a number from 1 to 1024") }
        return ComputePool(threads: threads ?? SystemFacts.processors)
    }
}

/// An adapter on the command line: PATH or PATH:SCALE, cut at the last colon if a number follows it, and behind that scales of
/// its parts, as in a model reference.
struct AdapterArgument: ExpressibleByArgument {
    let path: String
    let scale: Scale
    let parts: PartScales

    init?(argument: String) {
        var argument = argument
        var options: [String] = []
        while let colon = argument.lastIndex(of: ":"), PartScales.isOption(argument[colon...].dropFirst()) {
            options.insert(String(argument[colon...].dropFirst()), at: 0)
            argument = String(argument[..<colon])
        }
        guard !argument.isEmpty, let parts = try? PartScales(options) else { return nil }
        self.parts = parts
        if let colon = argument.lastIndex(of: ":"), colon != argument.startIndex,
            let scale = Scale(String(argument[argument.index(after: colon)...]))
        {
            path = String(argument[..<colon])
            self.scale = scale
        } else {
            path = argument
            scale = .one
        }
    }
}

/// An entry of the recipe on the command line: an adapter, or `method(PATH:WEIGHT,…;option=value…)[:SCALE]`.
///
/// A file or folder whose name happens to have that form counts as such, unless it begins with a method's name.
enum RecipeArgument {
    case adapter(AdapterArgument)
    case combination(Combination, [AdapterArgument], scale: Scale)

    var scale: Scale {
        switch self {
        case .adapter(let argument): argument.scale
        case .combination(_, _, let scale): scale
        }
    }

    /// - Throws: `ValidationError` in words.
    init(parsing text: String) throws {
        guard let adapter = AdapterArgument(argument: text) else {
            throw ValidationError("'\(text)' has no path, or its options cannot be read")
        }
        guard let call = CombinationCall(text),
            CombinationMethod.named(call.method) != nil
                || !(Directory.isFile(adapter.path) || Directory.isDirectory(adapter.path))
        else {
            self = .adapter(adapter)
            return
        }
        do throws(ReferenceError) {
            let combination = try call.combination()
            let parts = call.parts.compactMap(AdapterArgument.init(argument:))
            guard !parts.isEmpty, parts.count == call.parts.count else { throw .combination(.noAdapters) }
            if let part = parts.first(where: { $0.parts != .none }) { throw .invalidOption(part.path) }
            guard parts.count <= Combination.partLimit else {
                throw .combination(.tooManyAdapters(limit: Combination.partLimit))
            }
            guard let scale = call.scale.map(Scale.init) ?? .one else { throw .invalidScale(call.scale ?? "") }
            self = .combination(combination, parts, scale: scale)
        } catch {
            throw ValidationError("'\(text)': \(error.sentence)")
        }
    }
}

/// Opens what the command line names, with faults as bad input.
enum Input {
    /// - Parameter pool: reads the whole base to check its numbers; nil leaves that to others.
    /// - Throws: for what is no base, and for one that holds NaN or infinity.
    static func base(_ path: String, name: String = "base", pool: ComputePool?) throws -> BaseModel {
        do throws(BaseError) {
            let base = try BaseModel(name: name, path: path)
            if let pool { try base.checkFinite(pool: pool) }
            return base
        } catch {
            throw CommandFailure(.badInput, error.sentence)
        }
    }

    /// - Parameter json: whether the fault is printed for scripts as well.
    static func adapter(_ path: String, json: Bool) throws -> Adapter {
        do {
            return try AdapterFile.open(path)
        } catch {
            if json { Terminal.print(Problem(error).jsonDocument) }
            throw CommandFailure(.badInput, "\(path): \(Problem(error).detail)")
        }
    }
}
