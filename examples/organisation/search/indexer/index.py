"""Writes the search index from the catalogue: all of it every night, changes at once."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

BATCH = 500


@dataclasses.dataclass(frozen=True)
class Document:
    """What can be found, and how."""

    id: str
    kind: str
    title: str
    popularity: float

    def boost(self) -> float:
        """Popular things come first, but ten times the plays is not ten times as good."""
        return 1 + max(self.popularity, 0) ** 0.25


def batches(documents: Iterable[Document], size: int = BATCH) -> Iterator[list[Document]]:
    """Cuts documents into the batches that the index takes at once."""
    iterator = iter(documents)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def bulk(batch: list[Document]) -> list[dict]:
    """Returns a batch as the index wants it: an action and a source for each document."""
    lines: list[dict] = []
    for document in batch:
        lines.append({"index": {"_id": f"{document.kind}:{document.id}"}})
        lines.append({"title": document.title, "kind": document.kind, "boost": document.boost()})
    return lines
