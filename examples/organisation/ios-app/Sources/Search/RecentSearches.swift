/// The last searches of a listener, newest first, kept on the phone only.
public struct RecentSearches: Equatable {
    public private(set) var texts: [String] = []
    private let limit: Int

    public init(limit: Int = 12) {
        self.limit = limit
    }

    /// Puts a search on top. The same text again only moves up.
    public mutating func add(_ text: String) {
        texts.removeAll { $0.lowercased() == text.lowercased() }
        texts.insert(text, at: 0)
        texts = Array(texts.prefix(limit))
    }
}
