"""Model cards, generated from records alone: the same bytes on every machine.

weights, rows -> README.md of a Hub repository, .eval_results/*.yaml    NAME... -> model_cards/
training runs -> the card of a comparison

Only the section between the two marks is written by hand.
"""

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

from zoo._io import atomic_write
from zoo.claims.verdict import Status
from zoo.models._catalog import describe
from zoo.models._registry import default_weights, parse_name
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights
from zoo.reporting.cards import markdown, metadata, results, training_runs
from zoo.reporting.cards.results import Row, rows
from zoo.reporting.cards.training_runs import TrainingRuns

__all__ = ["Row", "card", "card_of_runs", "eval_results", "match_names", "merge", "rows", "write"]
BEGIN, END = "<!-- written by hand: begin -->", "<!-- written by hand: end -->"
BY_HAND = re.compile(f"^{re.escape(BEGIN)}$(.*?)^{re.escape(END)}$", re.MULTILINE | re.DOTALL)


def card(weights: Weights, rows: Sequence[Row], url: str = "") -> str:
    """Render the card of weights from its `rows`; `url` is where the checkout can be read, if
    anywhere, for links to records. Raises ValueError for weights without a license."""
    description = describe(weights.name)
    assert description.paper  # weights belong to a paper
    claims = [row for row in rows if row.claim]
    not_run = [row for row in claims if row.verdict.status == Status.NOT_RUN]
    return _template("card").render(
        front=Markup(metadata.front_matter(weights, description.paper, rows, url)),
        begin=Markup(BEGIN),
        end=Markup(END),
        weights=weights,
        description=description,
        paper=description.paper,
        arxiv=description.paper.arxiv and f"https://arxiv.org/abs/{description.paper.arxiv}",
        places=list(dict.fromkeys(r.claim.place for r in claims if r.claim and _own(weights, r))),
        relation=markdown.RELATION[weights.relation],
        usage=markdown.usage(weights),
        preprocessing=markdown.preprocessing(weights),
        columns=results.three_columns(weights, rows),
        measured=[row for row in rows if row.score],
        claims=[row for row in claims if row not in not_run],
        not_run=_by_reason(not_run),
        protocols=_protocols(claims),
        training=results.verified_training_record(weights),
        record=partial(markdown.record, url=url),
        protocol_of=markdown.protocol,
    )


def card_of_runs(runs: TrainingRuns, url: str = "") -> str:
    """Render the card of training runs whose weights are not published."""
    return _template("trainings").render(
        runs=runs,
        begin=Markup(BEGIN),
        end=Markup(END),
        format_params=training_runs.format_params,
        format_loss=training_runs.format_loss,
        format_scores=training_runs.format_scores,
        record=partial(markdown.record, url=url),
    )


def eval_results(weights: Weights, rows: Sequence[Row], url: str = "") -> dict[str, str]:
    """Return {path in the repository: YAML} of our measurements on data sets of the Hub."""
    return metadata.eval_files(weights, rows, url)


def merge(new: str, old: str) -> str:
    """Return the new card with the section written by hand in the old one. Raises ValueError for
    an old card that has only one of the two marks."""
    old = old.replace("\r\n", "\n")  # as a browser sends it
    section = BY_HAND.search(old)
    if not section and (BEGIN in old or END in old):
        raise ValueError(f"the older card needs both lines, {BEGIN} and {END}, or neither")
    return BY_HAND.sub(lambda _: section[0], new, count=1) if section else new


def match_names(names: Iterable[str]) -> list[Weights | TrainingRuns]:
    """Return the weights ("arch.tag", or the default of "arch") and training runs ("zoo_jpeg16")
    that names or patterns match. Raises LookupError for a name without a match."""
    known = [weights for paper in load_papers() for weights in paper.weights]
    runs = training_runs.kinds()
    matches: dict[str, Weights | TrainingRuns] = {}
    for name in names:
        hits: list[Any] = [group for group in runs if fnmatchcase(group.name, name)]
        if has_magic(name):
            hits += [w for w in known if fnmatchcase(w.name, name) or fnmatchcase(w.model, name)]
        elif not hits:
            hits = [parse_name(name)[1] or default_weights(name)]
        if not hits:
            raise LookupError(f"no weights match {name!r}; `zoo list --pretrained` has them all")
        matches |= {hit.name: hit for hit in hits}
    return list(matches.values())


def write(
    names: Iterable[str], out: Path, advance: Callable[[str], None] = lambda name: None
) -> list[Path]:
    """Write the cards of matching weights and runs into a folder, keeping handwritten sections."""
    subjects = match_names(names)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for subject in subjects:
        advance(subject.name)
        path = out / f"{subject.name}.md"
        url = ".."  # seen from model_cards/
        if isinstance(subject, TrainingRuns):
            text = card_of_runs(subject, url)
        else:
            text = card(subject, rows(subject), url)
        if path.exists():
            text = _merged(text, path)
        atomic_write(path, text)
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
    """True if a claim is made by the paper of these weights."""
    return row.verdict.paper == weights.paper


def _by_reason(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    ordered = sorted(rows, key=lambda row: row.verdict.why)
    return [(why, list(group)) for why, group in groupby(ordered, key=lambda row: row.verdict.why)]


def _protocols(rows: Iterable[Row]) -> dict[str, str]:
    """Return {protocol: its description} of all claims."""
    papers = {paper.id: paper.protocols for paper in load_papers()}
    claims = [row.claim for row in rows if row.claim and row.claim.protocol]
    return {c.protocol: papers[c.paper][c.protocol] for c in claims}
