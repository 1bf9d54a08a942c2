internal import HTTPTypes
internal import UmbelFormats
internal import UmbelRegistry

extension Problem {
    init(registry error: RegistryError) {
        switch error {
        case .diskFull:
            self.init(
                HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"), "disk_full", "Disk full",
                "There is no room for the change; nothing was changed")
        case .damaged(let message):
            self.init(
                .internalServerError, "registry_damaged", "Registry damaged", "The registry cannot be read: \(message)")
        case .database(let code, let message):
            self.init(
                .internalServerError, "registry_failed", "Registry failed",
                "The registry failed with SQLite's code \(code): \(message)")
        case .inconsistent(let what):
            self.init(
                .internalServerError, "registry_damaged", "Registry damaged", "The registry does not agree: \(what)")
        }
    }
}
