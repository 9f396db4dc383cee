/// One recording, as the player shows it.
public struct Track: Equatable, Identifiable {
    public let id: String
    public let title: String
    public let artist: String

    public init(id: String, title: String, artist: String) {
        self.id = id
        self.title = title
        self.artist = artist
    }
}

/// What plays now and what plays next.
public struct Queue: Equatable {
    public private(set) var tracks: [Track]
    public private(set) var position = 0

    public init(tracks: [Track]) {
        self.tracks = tracks
    }

    public var current: Track? {
        tracks.indices.contains(position) ? tracks[position] : nil
    }

    /// Moves to the next track; stays on the last one.
    public mutating func next() {
        position = min(position + 1, max(tracks.count - 1, 0))
    }
}

extension Queue {
    /// Puts a track right behind the one that plays.
    public mutating func playNext(_ track: Track) {
        tracks.insert(track, at: min(position + 1, tracks.count))
    }
}

extension Queue {
    /// Seconds of silence to cut between two tracks of one album, so that a live recording has no gaps.
    public func overlap(after track: Track, sameAlbum: Bool) -> Double {
        sameAlbum ? 0 : 0.4
    }
}
