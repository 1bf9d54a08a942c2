internal import UmbelPOSIX

/// The bytes that a name can point to: a tensor file, for PEFT with its settings. Two contents may share a file.
package struct AdapterContent: Hashable, Sendable {
    /// SHA-256 of the tensor file, or with settings of the list of both files; 64 hexadecimal digits.
    package let digest: String
    /// SHA-256 of the tensor file, which is its name below `blobs/`.
    package let tensors: String
    /// SHA-256 of `adapter_config.json`, if there is one.
    package let config: String?
    /// Length of the tensor file.
    package let bytes: Int

    package static let tensorFile = "adapter.safetensors"
    package static let configFile = "adapter_config.json"

    /// - Parameters:
    ///   - tensors: SHA-256 of the tensor file.
    ///   - config: SHA-256 of the settings, if there are any.
    ///   - bytes: length of the tensor file.
    package init(tensors: String, config: String?, bytes: Int) {
        self.tensors = tensors
        self.config = config
        self.bytes = bytes
        digest =
            config.map { SHA256.hex(of: "\($0)  \(Self.configFile)\n\(tensors)  \(Self.tensorFile)\n") } ?? tensors
    }

    /// Names of its files below `blobs/`.
    var blobs: [String] { [tensors] + (config.map { [$0] } ?? []) }
}
