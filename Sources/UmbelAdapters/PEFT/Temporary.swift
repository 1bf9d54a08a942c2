import UmbelNames
import UmbelTensor
enum WholeTensor: Algorithm {
    static let name = "replace"; static let roles: [RoleSpelling] = []
    static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { false }
    static func patches(for module: ModuleFactors, on target: Target, in context: AdapterContext) throws(ModuleError) -> [Patch] { [] }
    static func resized(_ target: Target, by: ModuleFactors) -> Target { target }
    static func patches(for module: ModuleFactors, on target: Target) throws(ModuleError) -> [Patch] { [] }
    static func additions(_ m: ModuleFactors, path: String) -> [Patch]? { nil }
}
enum ExpertLoRA {
  static func patches(for module: ModuleFactors, in s: ExpertStacks, siblings: [String], context: AdapterContext) throws(ModuleError) -> [Patch] { [] }
}
