"""Load paper.toml files as typed records. Loads no torch.

zoo/models/<paper>/paper.toml and *_weights.json -> Paper(claims, weights, deviations, ...)
"""

import gc
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from zoo.papers.explanations import why_unexplained
from zoo.papers.protocols import PROTOCOLS, Protocol
from zoo.papers.records import (
    COUNTED,
    Claim,
    Contradiction,
    Deviation,
    NearVariant,
    Paper,
    PaperInfo,
    PublishedOutputs,
    TrainingProtocol,
)
from zoo.papers.toml import TomlFile
from zoo.papers.weights import MODELS_DIR, Weights, load_generated_weights, validate_weights

T = TypeVar("T")
# Array of tables in paper.toml -> record of its entries.
TABLES: dict[str, type] = {
    "claims": Claim,
    "training": TrainingProtocol,
    "variants": NearVariant,
    "weights": Weights,
    "outputs": PublishedOutputs,
    "deviations": Deviation,
    "contradictions": Contradiction,
}
DECIMALS = ("value", "mean", "std")  # fields of a claim that may be printed as whole numbers
# Fields that loading fills, beside `line`.
AUTOMATIC = {Claim: {"paper"}, Weights: {"paper", "listing"}}
Tables = msgspec.defstruct(
    "Tables",
    [
        ("paper", dict[str, Any], {}),
        ("protocols", dict[str, str], {}),
        ("benchmarks_elsewhere", dict[str, str], {}),
        *((table, dict[str, dict[str, Any]], {}) for table in PROTOCOLS),
        *((table, list[dict[str, Any]], []) for table in TABLES),
    ],
    forbid_unknown_fields=True,
)


def load_paper(path: Path) -> Paper:
    """Load a paper.toml, and the generated *_weights.json beside it.

    Raises:
        PaperError: The file breaks a rule; the message has its file and line.
        WeightsError: A *_weights.json breaks a rule.
    """
    source = TomlFile(path)
    try:
        tables: Any = source.convert(source.parse(), Tables)
    except RecursionError:
        raise source.error(1, "its values are nested too deeply") from None
    records: dict[str, Any] = {
        table: _records(source, table, getattr(tables, table), kind)
        for table, kind in TABLES.items()
    }
    entries = {entry.id: entry for entry in (*records["deviations"], *records["contradictions"])}
    _check_claims(source, records["claims"], tables.protocols, entries)
    for training in records["training"]:
        if training.protocol not in tables.protocols:
            missing = f"no [protocols] entry is called {training.protocol!r}"
            raise source.error(training.line, missing)
    for weights in records["weights"]:
        if problem := validate_weights(weights):
            raise source.error(weights.line, problem)
    records["weights"] += load_generated_weights(path.parent)
    for weights in records["weights"]:
        if weights.protocol not in ("", *tables.protocols):
            missing = f"no [protocols] entry is called {weights.protocol!r}, as {weights.name} says"
            raise source.error(weights.line or 1, missing)
    (info,) = _records(source, "paper", [tables.paper], PaperInfo)
    return Paper(
        id=path.parent.name,
        protocols=tables.protocols,
        protocol_settings=_settings(source, tables),
        benchmarks_elsewhere=tables.benchmarks_elsewhere,
        **vars(info),
        **records,
    )


def _records(
    source: TomlFile, table: str, entries: list[dict[str, Any]], kind: type[T]
) -> tuple[T, ...]:
    """Convert the entries of a table to records: all at once, or one by one to name an error."""
    automatic = AUTOMATIC.get(kind, set()) | {"line"}
    known = kind.__annotations__.keys() - automatic
    paper = {"paper": source.path.parent.name} if "paper" in automatic else {}
    loaded = []
    for i, entry in enumerate(entries):
        if not entry.keys() <= known:
            key = next(key for key in entry if key not in known)
            problem = f"unknown key {key!r} in {table}; known are {', '.join(sorted(known))}"
            raise source.error(source.line(table, i, key), problem)
        whole = {key: Decimal(v) for key in DECIMALS if type(v := entry.get(key)) is int}
        fields = entry | whole if kind is Claim else entry
        loaded.append(fields | paper | {"line": source.line(table, i)})
    try:
        return msgspec.convert(loaded, tuple[kind, ...], builtin_types=(Decimal,))  # type: ignore[valid-type]
    except msgspec.ValidationError:
        return tuple(source.convert(fields, kind, table, i) for i, fields in enumerate(loaded))


def _settings(source: TomlFile, tables: Any) -> dict[str, Protocol]:
    """Convert the tables of protocols: {name: settings}."""
    settings: dict[str, Protocol] = {}
    for table, kind in PROTOCOLS.items():
        for name, entry in getattr(tables, table).items():
            header = f"{table}.{name}"
            if name not in tables.protocols:
                problem = f"no [protocols] entry is called {name!r}"
                raise source.error(source.line(header), problem)
            if name in settings:
                raise source.error(source.line(header), f"protocol {name!r} has two tables")
            (settings[name],) = _records(source, header, [entry], kind)
    return settings


def _check_claims(
    source: TomlFile,
    claims: tuple[Claim, ...],
    protocols: Collection[str],
    entries: Mapping[str, Deviation | Contradiction],
) -> None:
    lines: dict[object, int] = {}
    for claim in claims:
        if problem := _problem(claim, protocols) or why_unexplained(claim, entries):
            raise source.error(claim.line, problem)
        line = lines.setdefault(claim.key, claim.line)
        if line != claim.line:
            raise source.error(claim.line, f"the same claim stands in line {line}")


def _problem(claim: Claim, protocols: Collection[str]) -> str | None:
    """Return the first rule that a claim breaks beyond the types of its fields."""
    kind, metric = claim.kind, claim.metric
    rules = (
        bool(claim.where),
        claim.compares or claim.value is not None,
        kind != "counted" or metric in COUNTED,
        kind != "measured" or bool(claim.benchmark and claim.aggregation),
        not claim.compares or bool(claim.than and claim.relation),
        kind != "trial" or claim.value is None,
        bool(claim.variant) == bool(claim.variant_kind),
        claim.source != "quoted" or bool(claim.source_detail),
        claim.source != "paper" or not claim.source_detail,
        not claim.protocol or claim.protocol in protocols,
    )
    if all(rules):
        return None
    messages = (
        "a claim needs `where`: its table, figure or section",
        "a claim needs the printed `value`",
        f"a counted metric is one of {', '.join(COUNTED)}, not {metric!r}",
        "a measured claim needs `benchmark` and `aggregation`",
        f"a {kind} claim needs `than` and a `relation`, < or >",
        "a trial is ours: it has no printed `value`",
        "a `variant` needs its `variant_kind`, and no other claim has one",
        "a quoted claim needs `source_detail`: who quotes it",
        "`source_detail` needs a `source` other than the paper",
        f"no [protocols] entry is called {claim.protocol!r}",
    )
    return messages[rules.index(False)]


@cache
def load_papers() -> tuple[Paper, ...]:
    """Load every paper, in the order of their folders."""
    was_enabled = gc.isenabled()
    gc.disable()  # all that is made is kept: to look for garbage takes a tenth of the time
    try:
        return tuple(load_paper(path) for path in sorted(MODELS_DIR.glob("*/paper.toml")))
    finally:
        if was_enabled:
            gc.enable()
