"""Papers as BibTeX."""

import re
from collections.abc import Sequence

from zoo.claims.selection import select
from zoo.papers.loading import load_papers
from zoo.papers.records import Paper

MARK = "% Written by `zoo export --format bibtex`.\n"


def text(names: Sequence[str]) -> str:
    """Return the entries of the papers that claim anything about names; without names, of all."""
    papers = [paper for paper, _, _ in select(names)] if names else load_papers()
    return MARK + "".join(f"\n{paper.bibtex.strip()}\n" for paper in papers)


def key(paper: Paper) -> str:
    """Return the citation key of a paper."""
    entry = re.match(r"\s*@\w+\{\s*([^,\s]+)\s*,", paper.bibtex)
    assert entry, paper.id
    return entry[1]
