import XCTest
@testable import Player

final class QueueTests: XCTestCase {
    private let one = Track(id: "1", title: "One", artist: "Ada")
    private let two = Track(id: "2", title: "Two", artist: "Bo")
    private let three = Track(id: "3", title: "Three", artist: "Cy")

    func testPlayNextComesRightBehindTheCurrentTrack() {
        var queue = Queue(tracks: [one, two])
        queue.playNext(three)
        XCTAssertEqual(queue.tracks, [one, three, two])
    }

    func testNextStaysOnTheLastTrack() {
        var queue = Queue(tracks: [one])
        queue.next()
        XCTAssertEqual(queue.current, one)
    }
}
