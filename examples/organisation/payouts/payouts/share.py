"""Divides the money of a month among those whose music was heard."""

from __future__ import annotations

from collections.abc import Mapping


def divide(cents: int, plays: Mapping[str, int]) -> dict[str, int]:
    """Divides an amount by plays, to the last cent: what rounding leaves goes to the largest remainders, ties by id."""
    total = sum(plays.values())
    if total == 0:
        return {}
    shares = {holder: cents * count // total for holder, count in plays.items()}
    rest = cents - sum(shares.values())
    remainders = sorted(plays, key=lambda holder: (-(cents * plays[holder] % total), holder))
    for holder in remainders[:rest]:
        shares[holder] += 1
    return shares
