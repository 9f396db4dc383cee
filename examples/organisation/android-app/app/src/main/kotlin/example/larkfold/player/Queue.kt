package example.larkfold.player

/** What plays now and what plays next. Immutable: every change gives a new queue. */
data class Queue(val tracks: List<Track>, val position: Int = 0) {
    val current: Track? get() = tracks.getOrNull(position)
    val upNext: List<Track> get() = tracks.drop(position + 1)
}

data class Track(val id: String, val title: String, val artist: String)

/** Moves to the next track; stays on the last one. */
fun Queue.next(): Queue = copy(position = minOf(position + 1, tracks.lastIndex))

/** Puts a track right behind the one that plays. */
fun Queue.playNext(track: Track): Queue {
    val at = minOf(position + 1, tracks.size)
    return copy(tracks = tracks.take(at) + track + tracks.drop(at))
}

/** Mixes what comes next so that no artist follows himself where that can be avoided. */
fun Queue.shuffled(random: kotlin.random.Random): Queue {
    val rest = upNext.shuffled(random).toMutableList()
    val mixed = mutableListOf<Track>()
    var last = current?.artist
    while (rest.isNotEmpty()) {
        val index = rest.indexOfFirst { it.artist != last }.coerceAtLeast(0)
        val track = rest.removeAt(index)
        mixed += track
        last = track.artist
    }
    return copy(tracks = tracks.take(position + 1) + mixed)
}
