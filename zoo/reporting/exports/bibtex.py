"""The papers of names, as BibTeX."""

import re
from collections.abc import Sequence

from zoo.claims import check
from zoo.papers.records import Paper

MARK = "% Written by `zoo export --format bibtex`.\n"


def text(names: Sequence[str]) -> str:
    """The entries of the papers that claim anything about names, once each."""
    return MARK + "".join(f"\n{paper.bibtex.strip()}\n" for paper, _, _ in check.select(names))


def key(paper: Paper) -> str:
    """What a paper is cited by."""
    found = re.match(r"\s*@\w+\{\s*([^,\s]+)\s*,", paper.bibtex)
    assert found, paper.id
    return found[1]
