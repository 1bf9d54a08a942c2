extension String {
    /// Does the text hold another one? Compared by bytes: keys of adapters are looked through by the thousand while somebody
    /// waits, and `contains` goes by characters.
    func holds(_ part: String) -> Bool {
        let found = utf8.withContiguousStorageIfAvailable { text in
            part.utf8.withContiguousStorageIfAvailable { part -> Bool in
                guard let first = part.first else { return true }
                guard text.count >= part.count else { return false }
                return (0...text.count - part.count).contains { start in
                    text[start] == first && text[start..<start + part.count].elementsEqual(part)
                }
            }
        }
        return (found ?? nil) ?? contains(part)
    }
}
