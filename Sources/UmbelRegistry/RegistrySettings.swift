/// How long the registry keeps what is no longer pointed to.
package struct RegistrySettings: Hashable, Sendable {
    /// Former contents that each name keeps.
    package var history = 10
    /// Seconds that a blob is kept which no adapter uses.
    package var blobGraceSeconds = 3600

    package init() {}
}
