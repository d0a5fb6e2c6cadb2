"""One record: text, file name, identity and validation."""

import hashlib
import json
import lzma
import math
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from zoo._io import read_json

Record = Mapping[str, Any]  # an EvalRecord, TrainingRecord or SpeedRecord, as its `kind` says
SCHEMA = Path(__file__).with_name("record.schema.json")
ROUNDING = 1e-3  # of intervals
NAME = re.compile(r"(\d{6,})-\d{8}T\d{6}Z-[\w.+-]+\.json")


class Score(TypedDict):
    """A score of one metric."""

    value: float  # in the unit of the metric
    interval: NotRequired[list[float]]  # lower and upper end, of 95 %
    count: NotRequired[float]  # wrong predictions, or nats of a loss
    total: NotRequired[int]  # samples, or tokens of a loss


class _Provenance(TypedDict):
    """Fields of every record; record.schema.json has their formats."""

    schema: Literal[1]
    kind: Literal["evaluation", "training", "speed"]
    date: str  # UTC
    previous: str  # id of the record before, empty for the first
    id: str  # sha256 of all other fields
    device: str
    versions: dict[str, str]  # of libraries
    commit: str  # of the checkout, with "+changes"; empty outside
    made_by: NotRequired[str]  # script of eval/


class EvalRecord(_Provenance):
    """Scores of weights on a benchmark, by a protocol."""

    model: str  # architecture
    weights: str  # "arch.tag"; empty without parameters
    sha256: str  # of the weights' file, or of the published images
    benchmark: str
    benchmark_version: int
    protocol: dict[str, Any]  # all settings of protocol and preprocessing
    precision: str
    backend: NotRequired[str]  # what ran the network; without it, eager
    samples: int  # evaluated
    scores: dict[str, Score]  # by metric
    parts: NotRequired[dict[str, dict[str, float]]]  # each image's scores, or wrong classes
    contents: NotRequired[str]  # sha256 of the files that the samples were read from
    answers_sha256: str  # over all predictions
    broken: list[str]  # samples that were left out, and why
    changed: NotRequired[dict[str, int]]  # count of total predictions that differ from fp32
    processes: int
    threads: int  # of torch, per process
    seconds: float
    peak_memory: int  # bytes, of the process that took most


class BenchmarkScores(TypedDict):
    """Scores of a trained network on one benchmark."""

    version: int
    scores: dict[str, Score]  # by metric


class TrainingRecord(_Provenance):
    """A run of training, with the scores of the result."""

    model: str
    recipe: str  # of configs/
    seed: int
    precision: NotRequired[str]
    sha256: NotRequired[str]  # of the weights
    params: NotRequired[int]  # of the network that was trained
    epochs: int
    batch_size: int
    benchmarks: dict[str, BenchmarkScores]
    history: list[dict[str, float]]  # by epoch
    threads: NotRequired[int]  # of torch
    seconds: float


class SpeedRecord(_Provenance):
    """A comparison of speeds."""

    rows: list[dict[str, Any]]  # by network and backend
    rounds: int
    threads: NotRequired[int]  # of torch
    what: str
    setting: NotRequired[dict[str, Any]]


class LedgerError(ValueError):
    """A record or a ledger that cannot be trusted; the message says which and why."""


def backend_of(record: Record) -> str:
    """Return what ran the network of an evaluation."""
    return str(record.get("backend", "eager"))


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(record: Record) -> bytes:
    """Return the bytes that are hashed: all fields but the id. Raises ValueError for what JSON
    cannot hold: NaN, infinity, half a surrogate pair."""
    content = {key: value for key, value in record.items() if key != "id"}
    return _CANONICAL.encode(content).encode("utf-8")


def identity(record: Record) -> str:
    """Return the id of a record, the sha256 of all other fields."""
    return hashlib.sha256(canonical(record)).hexdigest()


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def validate(record: Record) -> None:
    """Raise LedgerError for a record that the schema refuses, or whose numbers disagree."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(record))
    if error:
        where = "/".join(map(str, error.absolute_path)) or "the record"
        raise LedgerError(f"{where}: {error.message} ({SCHEMA.name})")
    if problem := disagreement(record):
        raise LedgerError(problem)


def disagreement(record: Record) -> str | None:
    """Return which numbers of a record cannot belong together, or None.

    A share has 0 <= count <= total and is count / total in percent; a loss is count / total; an
    interval holds its value; the date exists.
    """
    try:
        datetime.strptime(record["date"], "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return f"date: {record['date']} does not exist"
    changed = record.get("changed")
    if changed and changed["count"] > changed["total"]:
        return f"changed: {changed['count']} of {changed['total']}"
    groups = {"scores": record.get("scores", {})}
    groups |= {name: of["scores"] for name, of in record.get("benchmarks", {}).items()}
    problems = (
        _score_problem(metric, score, record.get("samples") if group == "scores" else None)
        for group, scores in groups.items()
        for metric, score in scores.items()
    )
    return next(filter(None, problems), None)


def _score_problem(metric: str, score: Mapping[str, Any], samples: int | None) -> str | None:
    value, count, total = score["value"], score.get("count"), score.get("total")
    low, high = score.get("interval", (value, value))
    is_share = metric != "loss"
    problem = None
    if not low - ROUNDING <= value <= high + ROUNDING:
        problem = f"{value} is outside of its interval {low} to {high}"
    elif (count is None) != (total is None):
        problem = "count and total come together"
    elif count is None or total is None:
        pass
    elif count < 0 or (is_share and count > total):
        problem = f"{count} of {total}"
    elif is_share and samples is not None and total != samples:
        problem = f"{total} of {samples} samples"
    elif not math.isclose(value, (100 if is_share else 1) * count / total, rel_tol=1e-9):
        problem = f"{value} is not {count} of {total}"
    return problem and f"{metric}: {problem}"


def read(path: Path) -> dict[str, Any]:
    """Return the record of a file. Raises LedgerError for a file that is no record, was edited, or
    whose numbers disagree."""
    try:
        record: dict[str, Any] = read_json(path)
    except (OSError, ValueError):
        raise LedgerError(f"{path} is no record of a ledger") from None
    return _checked(record, str(path))


@cache
def read_packed(path: Path) -> list[dict[str, Any]]:
    """Return the records of a compressed file, a line each. Raises LedgerError as `read` does."""
    try:
        records = [json.loads(line) for line in lzma.decompress(path.read_bytes()).splitlines()]
    except (OSError, ValueError, lzma.LZMAError):
        raise LedgerError(f"{path} is no packed ledger; install residual-zoo again") from None
    return [_checked(record, f"{path}, line {n}") for n, record in enumerate(records, 1)]


def _checked(record: dict[str, Any], path: str) -> dict[str, Any]:
    try:
        actual, stated, _ = identity(record), record["id"], record["previous"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LedgerError(f"{path} is no record of a ledger") from None
    if stated != actual:
        raise LedgerError(f"{path} was edited: it is not what its id says")
    try:
        problem = disagreement(record)
    except (KeyError, TypeError, AttributeError, ValueError):
        problem = f"it is not as {SCHEMA.name} says"
    if problem:
        raise LedgerError(f"{path}: {problem}")
    return record


def new(content: Mapping[str, Any], previous: str) -> dict[str, Any]:
    """Return a valid record with this content after another. Raises LedgerError."""
    chain = ("schema", "previous", "id")
    own = {key: value for key, value in content.items() if key not in chain}
    try:
        record: dict[str, Any] = json.loads(json.dumps(own))  # as it will be read
        record |= {"schema": 1, "previous": previous}
        record["id"] = identity(record)
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerError(f"a record is of what JSON can say: {error}") from None
    validate(record)
    return record


def name(number: int, record: Record) -> str:
    """Return the name of a record's file: place, date and subject."""
    subject = record.get("weights") or record.get("recipe") or record.get("what") or record["model"]
    on = f"-{record['benchmark']}" if "benchmark" in record else ""
    seed = f"-seed{record['seed']}" if "seed" in record else ""
    slug = re.sub(r"[^\w.+-]+", "_", f"{subject}{on}{seed}", flags=re.ASCII)[:80]
    return f"{number:06}-{re.sub('[:-]', '', record['date'])}-{slug}.json"


def text(record: Record) -> str:
    """Return the text of a record's file, a line for each field."""
    lines = json.dumps(record, indent=1, ensure_ascii=False)
    return re.sub(r"\n {3,}|\n {2}(?=[\]}])", " ", lines) + "\n"
