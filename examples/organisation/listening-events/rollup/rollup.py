"""Counts plays by track, country and hour. A play that was sent twice counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timezone

#: Shorter than this, and nobody is paid for it.
MINIMUM_MS = 30_000

Key = tuple[str, str, datetime]


def hour(at: str) -> datetime:
    """The hour of an instant, in UTC."""
    instant = datetime.fromisoformat(at).astimezone(timezone.utc)
    return instant.replace(minute=0, second=0, microsecond=0)


def rollup(plays: Iterable[dict]) -> Counter[Key]:
    """Counts plays. The order in which they come does not matter."""
    seen: set[str] = set()
    counts: Counter[Key] = Counter()
    for play in plays:
        if play["id"] in seen or play["heardMs"] < MINIMUM_MS:
            continue
        seen.add(play["id"])
        counts[(play["trackId"], play["country"], hour(play["at"]))] += 1
    return counts
