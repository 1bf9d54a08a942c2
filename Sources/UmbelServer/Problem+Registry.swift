internal import HTTPTypes
internal import UmbelFormats
internal import UmbelPOSIX
internal import UmbelRegistry

extension Problem {
    init(registry error: RegistryError) {
        let detail = error.sentence
        switch error {
        case .system(let error): self.init(system: error)
        case .diskFull: self.init(.insufficientStorage, "disk_full", "Disk full", detail)
        case .damaged: self.init(.internalServerError, "registry_damaged", "Registry damaged", detail)
        case .database, .laterVersion, .inconsistent:
            self.init(.internalServerError, "registry_failed", "Registry failed", detail)
        case .unknownBlob: self.init(.notFound, "unknown_blob", "Unknown blob", detail)
        case .unknownRevision: self.init(.notFound, "unknown_revision", "Unknown revision", detail)
        case .unknownTag: self.init(.notFound, "unknown_tag", "Unknown tag", detail)
        case .nothingBefore: self.init(.conflict, "nothing_before", "Nothing to go back to", detail)
        }
    }
}

extension HTTPResponse.Status {
    static let insufficientStorage = Self(code: 507, reasonPhrase: "Insufficient Storage")
}
