/// A content that a route needs, as it was when the route was made: it is kept whatever becomes of the adapter's name.
package struct HeldContent: Hashable, Sendable {
    /// The adapter that had it.
    package let name: String
    package let digest: String
    package let options: AdapterOptions

    package init(name: String, digest: String, options: AdapterOptions) {
        self.name = name
        self.digest = digest
        self.options = options
    }

    package init(_ record: AdapterRecord) {
        self.init(name: record.name, digest: record.digest, options: record.options)
    }
}

/// Who holds contents: one generation of a route.
package struct ContentHolder: Hashable, Sendable {
    package let route: String
    package let generation: Int

    package init(route: String, generation: Int) {
        self.route = route
        self.generation = generation
    }
}
