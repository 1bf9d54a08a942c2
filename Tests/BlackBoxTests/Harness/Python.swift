import Foundation

/// A script of the interpreter that `UMBEL_TEST_PYTHON` names, to its end.
///
/// - Parameter environment: added to PATH, HOME and the tester's PYTHON… variables.
func python(
    _ script: String, _ arguments: [String], environment: [String: String] = [:], in scratch: Scratch
) throws -> Program.Result {
    guard let python = Programs.python else { throw HarnessFailure("python is missing") }
    let file = try scratch.write("script-\(UUID().uuidString).py", Data(script.utf8))
    let variables = Programs.pythonPath.merging(environment) { $1 }
    // Importing torch takes its time on a busy machine.
    return try Program(python, [file] + arguments, environment: variables, scratch: scratch).finish(seconds: 600)
}

extension Service {
    /// Variables with which a Hub client speaks to this service and to nobody else, with a cache of its own.
    func hubEnvironment(endpoint: String? = nil) -> [String: String] {
        [
            "HF_ENDPOINT": endpoint ?? url, "HF_HOME": scratch.path + "/hub-home", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_TOKEN": "hf_test", "TRANSFORMERS_VERBOSITY": "error",
        ]
    }
}
