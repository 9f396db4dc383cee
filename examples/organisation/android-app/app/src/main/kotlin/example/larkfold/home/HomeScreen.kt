package example.larkfold.home

/** A row of the home screen. */
sealed interface Shelf {
    val title: String
}

data class MixShelf(override val title: String, val mixIds: List<String>) : Shelf

data class ReleaseShelf(override val title: String, val releaseIds: List<String>) : Shelf

/** Orders the shelves: what the listener used last comes first, and empty ones do not come at all. */
fun arrange(shelves: List<Shelf>, lastUsed: String?): List<Shelf> =
    shelves.filter { it.size() > 0 }.sortedByDescending { it.title == lastUsed }

private fun Shelf.size(): Int = when (this) {
    is MixShelf -> mixIds.size
    is ReleaseShelf -> releaseIds.size
}
