"""Prints a statement as rights holders get it."""

from __future__ import annotations

from collections.abc import Mapping


def amount(cents: int) -> str:
    """Formats cents: 123456 is 1,234.56."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def statement(month: str, shares: Mapping[str, int]) -> str:
    """One line for each rights holder, sorted, and the sum."""
    lines = [f"Statement {month}", ""]
    lines += [f"{holder:<40}{amount(cents):>16}" for holder, cents in sorted(shares.items())]
    lines += ["", f"{'Sum':<40}{amount(sum(shares.values())):>16}"]
    return "\n".join(lines) + "\n"
