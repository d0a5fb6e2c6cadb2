"""Model cards, made from data alone: the same bytes on every machine.

weights, rows -> README.md of a Hub repository, .eval_results/*.yaml    NAME... -> model_cards/
runs of training -> the card of a comparison

A card is never edited by hand, but for what stands between its two marks.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache, partial
from glob import has_magic
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from zoo.models._catalog import describe
from zoo.models._registry import default_weights, parse_name
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights
from zoo.reporting.cards import markdown, metadata, results, training_runs
from zoo.reporting.cards.results import Row, rows
from zoo.reporting.cards.training_runs import TrainingRuns

__all__ = ["Row", "card", "card_of_runs", "eval_results", "merge", "named", "rows", "write"]
BEGIN, END = "<!-- written by hand: begin -->", "<!-- written by hand: end -->"
BY_HAND = re.compile(f"^{re.escape(BEGIN)}$(.*?)^{re.escape(END)}$", re.MULTILINE | re.DOTALL)


def card(weights: Weights, rows: Sequence[Row], url: str = "") -> str:
    """The card of weights from what `rows` gives. `url` is where the checkout can be read, for the
    links to records, if it can. Raises ValueError for weights without a license."""
    shown = describe(weights.name)
    assert shown.paper  # weights are of a room
    claims = [row for row in rows if row.claim]
    not_run = [row for row in claims if row.verdict.status == "not run"]
    return _template("card").render(
        front=Markup(metadata.front_matter(weights, shown.paper, rows, url)),
        begin=Markup(BEGIN),
        end=Markup(END),
        weights=weights,
        shown=shown,
        paper=shown.paper,
        arxiv=shown.paper.arxiv and f"https://arxiv.org/abs/{shown.paper.arxiv}",
        places=list(dict.fromkeys(r.claim.where for r in claims if r.claim and _own(weights, r))),
        relation=markdown.RELATION[weights.relation],
        usage=markdown.usage(weights),
        preprocessing=markdown.preprocessing(weights),
        measured=[row for row in rows if row.score],
        claims=[row for row in claims if row not in not_run],
        not_run=_by_reason(not_run),
        protocols=_protocols(claims),
        made=results.verified_training_record(weights),
        record=partial(markdown.record, url=url),
        how=markdown.protocol,
    )


def card_of_runs(runs: TrainingRuns, url: str = "") -> str:
    """The card of runs of training, whose weights are not published."""
    return _template("trainings").render(
        of=runs,
        begin=Markup(BEGIN),
        end=Markup(END),
        params=training_runs.params,
        shown=training_runs.shown,
        record=partial(markdown.record, url=url),
    )


def eval_results(weights: Weights, rows: Sequence[Row], url: str = "") -> dict[str, str]:
    """{path in the repository: YAML} of what was measured here on data sets of the Hub, in its
    newer format."""
    return metadata.eval_files(weights, rows, url)


def merge(new: str, old: str) -> str:
    """A new card with what a person wrote into the older one, between the two marks. Raises
    ValueError for an older card with only one of them."""
    old = old.replace("\r\n", "\n")  # as a browser sends it
    kept = BY_HAND.search(old)
    if not kept and (BEGIN in old or END in old):
        raise ValueError(f"the older card needs both lines, {BEGIN} and {END}, or neither")
    return BY_HAND.sub(lambda _: kept[0], new, count=1) if kept else new


def match_names(names: Iterable[str]) -> list[Weights | TrainingRuns]:
    """What names stand for: weights ("arch.tag"), an architecture with default weights, runs of
    training ("zoo_jpeg16"), or a pattern of any. Raises LookupError for one that nothing has."""
    known = [weights for paper in load_papers() for weights in paper.weights]
    runs = training_runs.kinds()
    found: dict[str, Weights | TrainingRuns] = {}
    for name in names:
        hits: list[Any] = [of for of in runs if fnmatchcase(of.name, name)]
        if has_magic(name):
            hits += [w for w in known if fnmatchcase(w.name, name) or fnmatchcase(w.model, name)]
        elif not hits:
            hits = [parse_name(name)[1] or default_weights(name)]
        if not hits:
            raise LookupError(f"no weights match {name!r}; `zoo list --pretrained` has them all")
        found |= {of.name: of for of in hits}
    return list(found.values())


def write(
    names: Iterable[str], out: Path, advance: Callable[[str], None] = lambda what: None
) -> list[Path]:
    """Writes the cards of what is `named` into a folder; keeps what a person wrote into them."""
    chosen = match_names(names)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for of in chosen:
        advance(of.name)
        path = out / f"{of.name}.md"
        url = ".."  # seen from model_cards/
        text = card_of_runs(of, url) if isinstance(of, TrainingRuns) else card(of, rows(of), url)
        if path.exists():
            text = _merged(text, path)
        part = path.with_name(f"{path.name}.part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
        paths.append(path)
    return paths


def _merged(text: str, path: Path) -> str:
    try:
        return merge(text, path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=True,  # of finalize alone: it makes Markup of everything
        finalize=markdown.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"link": markdown.link, "fenced": markdown.fenced}
    return environment.get_template(f"{name}.md.j2")


def _own(weights: Weights, row: Row) -> bool:
    """Whether a claim is of the paper that the weights' room is about."""
    return row.verdict.paper == weights.paper


def _by_reason(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    ordered = sorted(rows, key=lambda row: row.verdict.why)
    return [(why, list(of)) for why, of in groupby(ordered, key=lambda row: row.verdict.why)]


def _protocols(rows: Iterable[Row]) -> dict[str, str]:
    """The words of all protocols that claims go by."""
    papers = {paper.id: paper.protocols for paper in load_papers()}
    claims = [row.claim for row in rows if row.claim and row.claim.protocol]
    return {c.protocol: papers[c.paper][c.protocol] for c in claims}
