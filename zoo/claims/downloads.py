"""What has to be downloaded before claims can be measured: weights, and data.

claims, weights -> evaluations that cannot run here -> Download(bytes, license) -> fetched
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from statistics import median

from huggingface_hub import constants

from zoo.checkpoints.download import remote_size
from zoo.claims.matching import collect_specs, is_applicable, why_unavailable
from zoo.claims.plan import kind
from zoo.claims.selection import Selection
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation.ledger import Record
from zoo.evaluation.spec import EvalSpec, find_record
from zoo.models._factory import create
from zoo.models._installation import tensor_bytes
from zoo.models._registry import get_entry, list_weights, model_entries, parse_name, stored_counts

log = logging.getLogger(__name__)
REQUESTS = 8  # at the same time, about sizes
Rates = Mapping[str, float]  # kind of evaluation -> seconds per unit of work
Item = tuple[bool, str]  # (weights rather than data, name)


@dataclass(frozen=True, kw_only=True)
class Download:
    """Weights or a data set, to be downloaded."""

    name: str  # arch.tag, or that of the data set
    place: str  # where it comes from, and where data goes
    license: str
    bytes: int  # of the files, as far as they are known
    is_exact: bool  # the servers say how many bytes
    benchmarks: tuple[str, ...]  # to be measured with it
    seconds: float | None  # to measure those, by records of this machine; None without any
    fetch: Callable[[], object]  # downloads and checks it


def default_data() -> Path:
    """Return the folder of data without an option: $ZOO_DATA, or zoo/data in HF_HOME."""
    folder = os.environ.get("ZOO_DATA")
    return Path(folder) if folder else Path(constants.HF_HOME) / "zoo" / "data"


def plan_downloads(
    selection: Selection,
    data: Path,
    precision: str,
    own: Sequence[Record],
    *,
    every: bool,
    backend: str = "eager",
) -> list[Download]:
    """Plan what to download, the smallest first, those of one size by time.

    Args:
        selection: Claims and weights, paper by paper.
        data: Folder with one folder per data set.
        precision: Of the evaluations.
        own: Records of this machine: what they measured is not measured again, and their speeds
            tell how long the others take.
        every: All weights that may judge a claim, not only the first.
        backend: Of the evaluations.
    """
    needed: dict[Item, list[EvalSpec]] = {}
    missing_data = cache(partial(_missing_data, data=data))
    for spec in _choose(selection, every):
        dataset = missing_data(spec.benchmark)
        if dataset is None or find_record(own, spec.fingerprint(precision, backend)):
            continue  # cannot be measured, or was
        if dataset:
            needed.setdefault((False, dataset), []).append(spec)
        weights = parse_name(spec.name)[1]
        if weights and why_unavailable(weights):
            needed.setdefault((True, spec.weights), []).append(spec)
    describe = partial(_describe, data=data, rates=_rates(own, precision))
    with ThreadPoolExecutor(REQUESTS) as pool:
        downloads = list(pool.map(describe, needed, needed.values()))
    return sorted(downloads, key=lambda each: (each.bytes, each.seconds or 0))


def fetch(downloads: Iterable[Download]) -> None:
    """Download everything. What cannot be had is logged and left out."""
    for each in downloads:
        try:
            each.fetch()
        except (ValueError, LookupError) as error:
            log.error("%s", error)


def _choose(selection: Selection, every: bool) -> list[EvalSpec]:
    """Return the evaluations of all weights, or of the first that may judge each claim."""
    claims = [claim for _, claims, _ in selection for claim in claims]
    weights = [each for _, _, among in selection for each in among]
    specs = [spec for spec in collect_specs(claims, weights) if not spec.images]
    if every:
        return specs
    first = {""}  # what has no weights
    for claim in (claim for claim in claims if claim.kind == "measured"):
        among = (w for w in list_weights(claim.model) if w in weights and is_applicable(w, claim))
        first |= {each.name for each in islice(among, 1)}
    return [spec for spec in specs if spec.weights in first] or specs


def _missing_data(benchmark: str, data: Path) -> str | None:
    """Return the data set to download for a benchmark, "" if it is here, None if none can be."""
    try:
        BENCHMARKS[benchmark].open(data)
    except DatasetNotFoundError:
        entries = (e for e in catalog.list_datasets() if benchmark in (*e.benchmarks, *e.also))
        return next((e.name for e in entries if e.files or e.builder), None)
    return ""


def _describe(item: Item, specs: Sequence[EvalSpec], data: Path, rates: Rates) -> Download:
    is_weights, name = item
    benchmarks = tuple(dict.fromkeys(spec.benchmark for spec in specs))
    seconds = _seconds(specs, rates)
    if not is_weights:
        described = catalog.describe(name)
        entry = described.entry
        return Download(
            name=name,
            place=f"{entry.home} to {data / entry.path}",
            license="; ".join(filter(None, (entry.license, entry.access))),
            bytes=described.bytes,
            is_exact=not described.unknown,
            benchmarks=benchmarks,
            seconds=seconds,
            fetch=partial(catalog.get, name, data),
        )
    weights = parse_name(name)[1]
    assert weights
    size = remote_size(weights)
    return Download(
        name=name,
        place=weights.url or f"hf-hub:{weights.repo}",
        license=weights.license,
        bytes=size or tensor_bytes(weights),
        is_exact=size is not None,
        benchmarks=benchmarks,
        seconds=seconds,
        fetch=partial(create, name, pretrained=True),
    )


def _work(spec: EvalSpec) -> int:
    """Return the multiply-adds of an evaluation, up to a factor for each kind."""
    return BENCHMARKS[spec.benchmark].size * stored_counts(get_entry(spec.model)).get("macs", 1)


def _rates(records: Sequence[Record], precision: str) -> dict[str, float]:
    """Return {kind of evaluation: median of its seconds per unit of work} of records."""
    rates: dict[str, list[float]] = {}
    for record in records:
        if record["kind"] == "evaluation" and record["precision"] == precision:
            spec = EvalSpec(
                model=record["model"], benchmark=record["benchmark"], weights=record["weights"]
            )
            if spec.model in model_entries() and spec.benchmark in BENCHMARKS:
                rates.setdefault(kind(spec), []).append(record["seconds"] / max(1, _work(spec)))
    return {name: median(values) for name, values in rates.items()}


def _seconds(specs: Iterable[EvalSpec], rates: Rates) -> float | None:
    """Return the time of evaluations; None if none of a kind has been timed."""
    try:
        return sum(rates[kind(spec)] * _work(spec) for spec in specs)
    except KeyError:
        return None
