"""Explanations of misses: an entry explains the numbers that it names, of the networks it names."""

import re
from collections.abc import Mapping
from fnmatch import fnmatch

from zoo.papers.records import Claim, Contradiction, Deviation

NUMBER = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)*")


def why_unexplained(claim: Claim, entries: Mapping[str, Deviation | Contradiction]) -> str | None:
    """Return why the entry in `explained_by` does not explain a claim, None if it does.

    An entry names the claim's network among its `models` and its printed value in its text or among
    its `values`; without a value, both networks of the comparison.
    """
    if not claim.explained_by:
        return None
    entry = entries.get(claim.explained_by)
    if entry is None:
        return f"no deviation or contradiction has the id {claim.explained_by!r}"
    if claim.variant or claim.kind == "trial":
        return "a trial, or a network that is not built, has no `explained_by`"
    networks = [claim.model, *([claim.than] if claim.value is None else [])]
    for network in networks:
        if not any(fnmatch(network, pattern) for pattern in entry.models):
            return f"{entry.id!r} explains nothing of {network}: it is not among its `models`"
    if claim.value is None or claim.value in entry.values or _names(entry, f"{claim.value:f}"):
        return None
    return f"{entry.id!r} explains nothing of {claim.value:f}: neither text nor `values` name it"


def _names(entry: Deviation | Contradiction, number: str) -> bool:
    """True if the text of an entry has a number, and not as a part of a longer one."""
    texts = (
        (entry.what, entry.paper, entry.why)
        if isinstance(entry, Deviation)
        else (entry.what, entry.resolution)
    )
    text = " ".join(texts)
    return number in text and number.removeprefix("-") in NUMBER.findall(text)
