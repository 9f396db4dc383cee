package example.larkfold.offline

import java.time.Duration
import java.time.Instant

/** When a download may start, and how long it may be played. */
data class DownloadPolicy(val wifiOnly: Boolean = true, val keepFor: Duration = Duration.ofDays(30))

enum class Network { NONE, METERED, WIFI }

/** Tells whether a download may start on this network. */
fun DownloadPolicy.allows(network: Network): Boolean = when (network) {
    Network.NONE -> false
    Network.METERED -> !wifiOnly
    Network.WIFI -> true
}

/** Tells whether a download may still be played without asking the server. */
fun DownloadPolicy.playable(confirmedAt: Instant, now: Instant): Boolean =
    Duration.between(confirmedAt, now) <= keepFor
