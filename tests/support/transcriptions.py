"""Second transcriptions of the papers' tables, and how a claim compares with them.

tests/papers/transcriptions/PAPER.json was made from the texts of the papers, never from paper.toml:

    text        what was read
    tables      {place: [{columns: "params | error cifar10/test", rows: {network: "0.27M 8.75"}}]}
    sentences   ["Sec. 4.2: resnet1202 error cifar10/test > resnet110", ...]

A column is a metric, its benchmark and, where a table has two of them, the (protocol).
"""

import json
import re
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from zoo.claims.verdict import UNITS
from zoo.papers.records import Claim

FOLDER = Path(__file__).parents[1] / "papers" / "transcriptions"
NUMBER = r"(?:\d[\w.-]*|[A-Z]\b)"
PLACE = re.compile(
    rf"(?P<word>Tables?|Figs?\.|Secs?\.|App\.) (?P<numbers>[\w.-]+(?:(?:, | and ){NUMBER})*)"
)


def places(where: str) -> list[str]:
    """Return the tables, figures and sections that a claim's `where` names, or else all of it.

    Example:
        >>> places("Tables 2 and 8a, Sec. 3 (dropout)")
        ['Table 2', 'Table 8a', 'Sec. 3']
    """
    named = []
    for match in PLACE.finditer(where):
        singular = match["word"].replace("s", "")
        numbers = re.findall(r"[\w.-]*\w", re.sub(r" and |, ", " ", match["numbers"]))
        kept = numbers if match["word"] != singular else numbers[:1]
        named += [f"{singular} {number}" for number in kept]
    return named or [where]


@cache
def load(paper: str) -> dict[str, Any]:
    """Return the transcription of a paper; empty if there is none."""
    path = FOLDER / f"{paper}.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {"tables": {}, "sentences": []} | content


def compare(claim: Claim) -> str | None:
    """Return how a claim differs from the transcription: "" if not at all, None without one.

    Numbers from memory have no text that they could be compared with.
    """
    known = load(claim.paper)
    if claim.source == "memory":
        return None
    sentences = {sentence.partition(": ")[0] for sentence in known["sentences"]}
    if not any(place in known["tables"] or place in sentences for place in places(claim.where)):
        return None
    return _relation_problem(claim) if claim.compares else _value_problem(claim)


def _value_problem(claim: Claim) -> str:
    """Compare a number with each table that is named."""
    label = _label(claim.model, claim.args, claim.variant)
    value, found, tables = f"{claim.value}{claim.unit}", False, load(claim.paper)["tables"]
    for place in places(claim.where):
        cells = _cells(claim, place, label)
        said = any(_says(claim, place, f"{label} {column} = {value}") for column in _columns(claim))
        if not cells and not said and place.startswith("Table") and place in tables:
            return f"{place} has no such number of {label}"
        if cells and not any(_equals(claim, cell, value) for cell in cells):
            return f"{place} has {' and '.join(cells)} for {label}, not {value}"
        found = found or bool(cells) or said
    return "" if found else f"{claim.where} has no such number of {label}"


def _equals(claim: Claim, cell: str, value: str) -> bool:
    """True if a cell such as "6.43(6.61±0.16)" prints a claim's value, mean and deviation."""
    number = re.split(r"[(±]", cell)[0]
    spread = f"({claim.mean}±{claim.std})" if claim.mean is not None else f"±{claim.std}"
    return number == value and (claim.std is None or cell in (number, number + spread))


def _relation_problem(claim: Claim) -> str:
    """Compare a relation with the numbers of both networks, or with a sentence."""
    variant = re.sub("^both (in )?", "", claim.variant)
    label = _label(claim.model, claim.args, variant)
    others = [_label(claim.than, claim.than_args, v) for v in dict.fromkeys((variant, ""))]
    others = [other for other in others if other != label]
    by = "" if claim.value is None else f" by {claim.value}"
    for place, column, than in product(places(claim.where), _columns(claim), others):
        if _says(claim, place, f"{label} {column} {claim.relation} {than}{by}"):
            return ""
    if claim.formula:
        cells = [c for place in places(claim.where) for c in _cells(claim, place, label)]
        return "" if str(claim.value) in cells else f"{cells} is printed, not {claim.value}"
    own, other = _numbers(claim, [label]), _numbers(claim, others)
    pairs = list(zip(own, other, strict=False))
    if not pairs:
        return f"{claim.where} does not compare {label} with {others[-1]}"
    for left, right in pairs:
        if (left < right) != (claim.relation == "<") or left == right:
            return f"{claim.where} has {left} for {label} and {right} for {others[-1]}"
    if claim.value is not None and not any(abs(x - y) == claim.value for x, y in pairs):
        return f"{claim.where} has a difference of {abs(pairs[0][0] - pairs[0][1])}"
    return ""


def _label(model: str, args: Any, variant: str) -> str:
    """Return how a transcription calls a network; the number of classes goes without saying."""
    shown = {key: value for key, value in args.items() if key != "num_classes"}
    text = ", ".join(f"{k}={list(v) if isinstance(v, tuple) else v}" for k, v in shown.items())
    return model + (f"({text})" if text else "") + (f" [{variant}]" if variant else "")


def _columns(claim: Claim) -> list[str]:
    metric = f"{claim.metric} formula" if claim.formula else claim.metric
    subject = " ".join(filter(None, (metric, claim.benchmark)))
    subject += f" at {claim.input_size}" if claim.input_size else ""
    plain = [" ".join(filter(None, (claim.metric, claim.benchmark)))] if claim.formula else []
    return [f"{subject} ({claim.protocol})", subject, *plain]


def _cells(claim: Claim, place: str, label: str, *, any_protocol: bool = False) -> list[str]:
    """Return what a place prints for a network in the claim's columns."""
    cells: list[str] = []
    for table in load(claim.paper)["tables"].get(place, ()):
        columns = table["columns"].split(" | ")
        if any_protocol:
            columns = [column.partition(" (")[0] for column in columns]
        row = list(zip(columns, table["rows"].get(label, "").split(), strict=False))
        for wanted in _columns(claim):
            if here := [cell for column, cell in row if column == wanted and cell != "-"]:
                cells += here
                break
    return cells


def _numbers(claim: Claim, labels: list[str]) -> list[Decimal]:
    """Return the numbers that the named places print for the first network that they have.

    A network of another kind, such as bicubic interpolation, may have its own protocol.
    """
    for label, any_protocol in product(labels, (False, True)):
        cells = [
            cell
            for place in places(claim.where)
            for cell in _cells(claim, place, label, any_protocol=any_protocol)
        ]
        if matches := [re.match(r"([\d.]+)([KMG]?)", cell) for cell in cells]:
            return [Decimal(m[1]) * UNITS[m[2]] for m in matches if m]
    return []


def _says(claim: Claim, place: str, text: str) -> bool:
    return f"{place}: {text}" in load(claim.paper)["sentences"]
