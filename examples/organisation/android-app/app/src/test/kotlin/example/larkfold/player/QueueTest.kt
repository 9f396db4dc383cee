package example.larkfold.player

import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals

class QueueTest {
    private val a = Track("1", "One", "Ada")
    private val b = Track("2", "Two", "Ada")
    private val c = Track("3", "Three", "Bo")

    @Test
    fun playNextComesRightBehindTheCurrentTrack() {
        assertEquals(listOf(a, c, b), Queue(listOf(a, b)).playNext(c).tracks)
    }

    @Test
    fun shuffleKeepsArtistsApart() {
        assertEquals(listOf("Ada", "Bo", "Ada"), Queue(listOf(a, b, c)).shuffled(Random(7)).tracks.map { it.artist })
    }
}
