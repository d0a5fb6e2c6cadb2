"""What the papers say, as frozen records read from each room's paper.toml.

zoo/models/<paper>/paper.toml (and timm_weights.json) -> Paper(claims, weights, deviations, ...)

Standard library only: reading every paper loads no torch.
"""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from zoo.papers import toml
from zoo.papers.protocols import PROTOCOLS
from zoo.papers.records import (
    COUNTED,
    KINDS,
    Claim,
    Contradiction,
    Deviation,
    Paper,
    PublishedOutputs,
)
from zoo.papers.toml import TomlFile
from zoo.papers.weights import MODELS_DIR, Weights, load_timm_weights, validate_weights

PaperError = toml.PaperError  # what `read` raises


def _record(cls: Any, table: str, index: int, data: dict[str, Any], source: TomlFile) -> Any:
    """`data` as a `cls`, with every key known, every value of its type, none missing."""
    fields = {f.name: f for f in dataclasses.fields(cls) if f.name != "line"}
    automatic = {"paper", "reported"} if cls in (Claim, Weights) else set()
    for key, value in data.items():
        if key not in fields or key in automatic:
            known = ", ".join(sorted(set(fields) - automatic))
            line = source.line(table, index, key)
            raise source.error(line, f"unknown key {key!r} in [[{table}]]; known are {known}")
        source.check((table, index, key), key, value, fields[key].type)
    required = {
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    if missing := sorted(required - set(data)):
        raise source.error(source.line(table, index), f"[[{table}]] lacks {', '.join(missing)}")
    values = {k: _plain(v) if isinstance(v, dict | list) else v for k, v in data.items()}
    decimals = {"value", "mean", "std", "tolerance"} if cls is Claim else set()
    values |= {key: Decimal(values[key]) for key in decimals & set(values)}
    extra = {"paper": source.path.parent.name} if automatic else {}
    return cls(**values, **extra, line=source.line(table, index))


def _plain(value: Any) -> Any:
    """Arguments of a constructor: floats and tuples instead of what tomllib makes of them."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return tuple(_plain(entry) for entry in value)
    return float(value) if isinstance(value, Decimal) else value


def _check_claim(claim: Claim, paper: dict[str, Any], ids: set[str], source: TomlFile) -> None:
    """The rules that a claim keeps beyond its types."""
    rules = [
        (claim.kind in KINDS, f"kind must be one of {', '.join(KINDS)}, not {claim.kind!r}"),
        (bool(claim.where), "a claim needs `where`: its table, figure or section"),
        (claim.kind == "relative" or claim.value is not None, "a claim needs the printed `value`"),
        (
            claim.kind != "counted" or claim.metric in COUNTED,
            f"a counted metric is one of {', '.join(COUNTED)}, not {claim.metric!r}",
        ),
        (claim.unit in ("", "K", "M", "G"), f"unit must be K, M, G or empty, not {claim.unit!r}"),
        (
            claim.kind != "measured" or bool(claim.benchmark and claim.aggregation),
            "a measured claim needs `benchmark` and `aggregation`",
        ),
        (
            claim.kind != "relative" or bool(claim.than and claim.relation in ("<", ">")),
            "a relative claim needs `than` and a `relation`, < or >",
        ),
        (not claim.formula or claim.value is not None, "a `formula` needs the printed `value`"),
        (
            not claim.protocol or claim.protocol in paper.get("protocols", {}),
            f"no [protocols] entry is called {claim.protocol!r}",
        ),
        (
            not claim.explained_by or claim.explained_by in ids,
            f"no deviation or contradiction has the id {claim.explained_by!r}",
        ),
        (
            (claim.tolerance is None) == (not claim.tolerance_reason),
            "a `tolerance` needs its `tolerance_reason`",
        ),
    ]
    for holds, message in rules:
        if not holds:
            raise source.error(claim.line, message)


def load_paper(path: Path) -> Paper:
    """The paper.toml at `path`. Raises PaperError with file and line for whatever is wrong."""
    source = TomlFile(path)
    try:
        return _paper(source.tables(), source)
    except RecursionError:
        raise source.error(1, "its values are nested too deeply") from None


def _paper(data: dict[str, Any], source: TomlFile) -> Paper:
    tables = {
        "claims": Claim,
        "weights": Weights,
        "outputs": PublishedOutputs,
        "deviations": Deviation,
        "contradictions": Contradiction,
    }
    types: dict[str, Any] = {"paper": Mapping[str, Any], "protocols": Mapping[str, str]}
    types |= dict.fromkeys(PROTOCOLS, Mapping[str, Mapping[str, Any]])
    types |= dict.fromkeys(tables, tuple[Mapping[str, Any], ...])
    if unknown := sorted(set(data) - set(types)):
        raise source.error(source.line(unknown[0], 0), f"unknown table {unknown[0]!r}")
    for table, value in data.items():
        source.check((table, 0, ""), table, value, types[table])
    records: dict[str, Any] = {
        table: tuple(
            _record(cls, table, i, entry, source) for i, entry in enumerate(data.get(table, []))
        )
        for table, cls in tables.items()
    }
    ids: set[str] = {entry.id for t in ("deviations", "contradictions") for entry in records[t]}
    seen: dict[object, int] = {}
    for claim in records["claims"]:
        _check_claim(claim, data, ids, source)
        first = seen.setdefault(claim.identity, claim.line)
        if first != claim.line:
            raise source.error(claim.line, f"the same claim stands in line {first}")
    for weights in records["weights"]:
        if message := validate_weights(weights):
            raise source.error(weights.line, message)
    records["weights"] += load_timm_weights(source.path.parent)
    head = _head(data.get("paper", {}), {"id", "protocols", "details", *tables}, source)
    protocols = data.get("protocols", {})
    details: dict[str, Any] = {
        t: {n: _detail(c, f"{t}.{n}", d, protocols, source) for n, d in data.get(t, {}).items()}
        for t, c in PROTOCOLS.items()
    }
    room = source.path.parent.name
    return Paper(id=room, protocols=protocols, details=details, **head, **records)


def _head(given: dict[str, Any], elsewhere: set[str], source: TomlFile) -> dict[str, Any]:
    """[paper], with every key of a Paper that is not `elsewhere`."""
    wanted = {f.name: f.type for f in dataclasses.fields(Paper) if f.name not in elsewhere}
    for key in sorted(set(given) ^ set(wanted)):
        fault = "unknown key" if key in given else "lacks the key"
        raise source.error(source.line("paper", 0, key), f"[paper]: {fault} {key!r}")
    for key, value in given.items():
        source.check(("paper", 0, key), key, value, wanted[key])
    return {**given, "authors": tuple(given["authors"])}


def _detail(cls: Any, header: str, data: dict[str, Any], protocols: Any, source: TomlFile) -> Any:
    """What a protocol is to the evaluation: the `cls` from [views.NAME] or [upscaling.NAME]."""
    line = source.line(header, 0)
    name = header.partition(".")[2]
    if name not in protocols:
        raise source.error(line, f"no [protocols] entry is called {name!r}")
    types = {f.name: f.type for f in dataclasses.fields(cls)}
    for key, value in data.items():
        source.check((header, 0, key), key, value, types.get(key, Any))
    try:
        detail = cls(**{key: _plain(value) for key, value in data.items()})
    except TypeError as error:
        raise source.error(
            line, f"a {cls.__name__.lower()} has {', '.join(types)}: {error}"
        ) from None
    if message := detail.fault:
        raise source.error(line, message)
    return detail


@cache
def load_papers() -> tuple[Paper, ...]:
    """Every room's paper, by room."""
    return tuple(load_paper(path) for path in sorted(MODELS_DIR.glob("*/paper.toml")))
