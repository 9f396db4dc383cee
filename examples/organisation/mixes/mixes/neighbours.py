"""Finds tracks that are heard together."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence


def together(sessions: Iterable[Sequence[str]]) -> dict[str, Counter[str]]:
    """Counts for each track in how many sessions every other one was heard with it."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for session in sessions:
        tracks = sorted(set(session))
        for track in tracks:
            counts[track].update(other for other in tracks if other != track)
    return dict(counts)


def similarity(counts: dict[str, Counter[str]], a: str, b: str) -> float:
    """Cosine of two tracks' neighbours: 1 where they are heard with the same tracks, 0 where with none in common."""
    left, right = counts.get(a, Counter()), counts.get(b, Counter())
    dot = sum(n * right[other] for other, n in left.items())
    norm = math.sqrt(sum(n * n for n in left.values())) * math.sqrt(sum(n * n for n in right.values()))
    return dot / norm if norm else 0.0


def nearest(counts: dict[str, Counter[str]], track: str, limit: int = 50) -> list[str]:
    """The tracks most like this one, best first, ties by id."""
    scores = {other: similarity(counts, track, other) for other in counts if other != track}
    return sorted(scores, key=lambda other: (-scores[other], other))[:limit]
