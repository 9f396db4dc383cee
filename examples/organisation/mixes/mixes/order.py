"""Puts the tracks of a mix into an order that is pleasant to hear."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Track:
    id: str
    artist: str
    energy: float


def arrange(tracks: list[Track]) -> list[Track]:
    """Starts calm, rises, ends calm, and keeps an artist from following himself where that can be done."""
    calm = sorted(tracks, key=lambda track: (track.energy, track.id))
    wave = calm[::2] + calm[1::2][::-1]
    return spread(wave)


def spread(tracks: list[Track]) -> list[Track]:
    """Moves a track back while the one before it is by the same artist."""
    rest, out = list(tracks), []
    while rest:
        last = out[-1].artist if out else None
        index = next((i for i, track in enumerate(rest) if track.artist != last), 0)
        out.append(rest.pop(index))
    return out
