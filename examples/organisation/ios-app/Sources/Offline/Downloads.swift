import Foundation

/// A track on the phone.
public struct Download: Equatable {
    public let trackID: String
    public let bytes: Int
    public var confirmedAt: Date

    public init(trackID: String, bytes: Int, confirmedAt: Date) {
        self.trackID = trackID
        self.bytes = bytes
        self.confirmedAt = confirmedAt
    }
}

/// How long a download may be played without asking the server.
public let keepFor: TimeInterval = 30 * 24 * 60 * 60

/// Returns the downloads that may still be played.
public func playable(_ downloads: [Download], now: Date) -> [Download] {
    downloads.filter { now.timeIntervalSince($0.confirmedAt) <= keepFor }
}

/// Returns what to remove so that the rest fits: what was confirmed longest ago goes first.
public func toRemove(_ downloads: [Download], limit: Int) -> [Download] {
    var excess = downloads.reduce(0) { $0 + $1.bytes } - limit
    var removed: [Download] = []
    for download in downloads.sorted(by: { $0.confirmedAt < $1.confirmedAt }) where excess > 0 {
        removed.append(download)
        excess -= download.bytes
    }
    return removed
}
