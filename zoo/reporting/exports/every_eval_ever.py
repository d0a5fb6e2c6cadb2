"""Claims and measurements as logs of "Every Eval Ever", evaleval/every_eval_ever 0.3.0 on GitHub.

measured claims of paper.toml -> documentation      evaluations of the ledgers -> evaluation_run

A log is of one network in one paper, or of one record. A network that is not on the Hub has the id
paper/name, and that paper is its first party.
"""

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

from zoo.claims.selection import select
from zoo.claims.verdict import describe_claim
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import get_entry, list_weights, paper_of
from zoo.papers.records import LOWER_IS_BETTER, UNITLESS, Claim, Paper
from zoo.papers.weights import Weights
from zoo.reporting.cards.metadata import HUB

US = "residual-zoo"
MARK = f'{{\n "schema_version": "0.3.0",\n "evaluation_id": "{US}/'
PERCENT, UNBOUNDED = ("percent", 0, 100), ("", 0, "Infinity")
UNITS: dict[str, tuple[str, float | str, float | str]] = {  # by metric: unit, least, largest
    "psnr": ("dB", "-Infinity", "Infinity"),
    "ssim": ("", -1, 1),
    "mos": ("", 1, 5),
    "f_measure": ("", 0, 1),
    "bleu": ("", 0, 100),
    "decathlon_score": ("", 0, 10_000),  # up to 1,000 a domain
    "loss": ("nats per token", 0, "Infinity"),
    "latency": ("ms", 0, "Infinity"),
    "tokens_per_second": ("tokens per second", 0, "Infinity"),
    "smape": ("percent", 0, 200),
    "mape": ("percent", 0, "Infinity"),
    "perplexity": ("", 1, "Infinity"),
    "bits_per_byte": ("bits per byte", 0, "Infinity"),
    "bits_per_character": ("bits per character", 0, "Infinity"),
}


def files(names: Sequence[str]) -> dict[str, str]:
    """Return {data/COLLECTION/DEVELOPER/MODEL/UUID.json: text} of the claims on names and their
    evaluations. Raises LookupError if there are none."""
    selection = select(names)
    weights = {w.name: w for _, _, entries in selection for w in entries}
    models = {claim.model for _, claims, _ in selection for claim in claims}
    logs = [log for paper, claims, _ in selection for log in _claimed(paper, claims)]
    for record in _evaluations():
        entry = weights.get(record["weights"])
        if entry or (not record["weights"] and record["model"] in models):
            logs.append(_measured(record, entry))
    if not logs:
        raise LookupError(f"no claim on {', '.join(names)} is of a measurement, and none is here")
    return {_path(log): json.dumps(log, indent=1, ensure_ascii=False) + "\n" for log in logs}


def _evaluations() -> Iterable[Record]:
    records = [*ledger.published().records(), *ledger.own().records()]
    return {r["id"]: r for r in records if r["kind"] == "evaluation"}.values()


def _path(log: Mapping[str, Any]) -> str:
    """Return the datastore's path of a log; its UUID is derived from the evaluation's id."""
    own = log["source_metadata"]["source_type"] == "evaluation_run"
    name = uuid.UUID(bytes=sha256(log["evaluation_id"].encode()).digest()[:16], version=4)
    return f"data/{US if own else f'{US}-papers'}/{log['model_info']['id']}/{name}.json"


def _log(identity: str, source: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "schema_version": "0.3.0",
        "evaluation_id": f"{US}/{identity}",
        **rest,
        "source_metadata": source,
    }


def _claimed(paper: Paper, claims: Iterable[Claim]) -> Iterable[dict[str, Any]]:
    """Yield a log for each network, with its arguments, that a paper prints measurements of."""

    def network(claim: Claim) -> str:
        return describe_claim(claim)[0]

    measured = [claim for claim in claims if claim.kind == "measured"]
    for name, group in groupby(sorted(measured, key=network), key=network):
        of_network = list(group)
        model = of_network[0].model
        developer = _developer(model)
        source = {
            "source_name": paper.title,
            "source_type": "documentation",
            "source_organization_name": ", ".join(paper.authors),
            "evaluator_relationship": "first_party" if developer == paper.id else "third_party",
            "additional_details": _as_strings(arxiv=paper.arxiv, code=paper.code),
        }
        open_weights = any(w.relation in ("official", "port") for w in list_weights(model))
        yield _log(
            f"{paper.id}/{name}",
            source,
            retrieved_timestamp=_now(),
            eval_library={"name": "unknown", "version": "unknown"},
            model_info={
                "name": name,
                "id": f"{developer}/{model}",
                "additional_details": {
                    "deployment_type": "unknown",
                    "model_availability": "open_weights" if open_weights else "unknown",
                },
            },
            evaluation_results=[_claim(paper, claim) for claim in of_network],
        )


def _claim(paper: Paper, claim: Claim) -> dict[str, Any]:
    assert claim.value is not None  # of a measured one
    details = _as_strings(
        printed=claim.value,
        where=claim.where,
        aggregation=claim.aggregation,
        mean=claim.mean,
        standard_deviation_of_runs=claim.std,
        protocol=paper.protocols.get(claim.protocol, ""),
        note=claim.note.strip(),
    )
    return _result(claim.benchmark, claim.metric, {"score": float(claim.value), "details": details})


def _measured(record: Record, weights: Weights | None) -> dict[str, Any]:
    """Return the log of one record."""
    bundled = weights is not None and weights.bundled
    source = {
        "source_name": f"the ledger of {US}",
        "source_type": "evaluation_run",
        "source_organization_name": US,
        "evaluator_relationship": "first_party" if bundled else "third_party",
        "additional_details": _as_strings(
            record=record["id"],
            left_out=", ".join(record["broken"]),
            **{key: record[key] for key in ("commit", "device", "precision")},
        ),
    }
    versions = record["versions"]
    library = {"name": US, "version": versions.get(US, "unknown"), "additional_details": versions}
    date = datetime.fromisoformat(record["date"])
    return _log(
        record["id"],
        source,
        evaluation_timestamp=record["date"],
        retrieved_timestamp=str(int(date.timestamp())),
        eval_library=library,
        model_info=_model(record, weights),
        evaluation_results=[
            _result(record["benchmark"], metric, _score(score, record["samples"]), record)
            for metric, score in record["scores"].items()
        ],
    )


def _model(record: Record, weights: Weights | None) -> dict[str, Any]:
    hosted = weights.repo if weights else ""
    owner = US if weights and weights.bundled else _developer(record["model"])
    name = record["weights"] or record["model"]
    keys = ("relation", "license", "origin") if weights else ()
    provenance = {key: getattr(weights, key) for key in keys}
    details = _as_strings(network=record["model"], sha256=record["sha256"], **provenance)
    availability = "open_weights" if weights else "unknown"
    return {
        "name": name,
        "id": hosted or f"{owner}/{name}",
        "additional_details": {
            "deployment_type": "self_deployed",
            "model_availability": availability,
            **details,
        },
    }


def _score(score: Mapping[str, Any], samples: int) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": samples}
    if "interval" in score:
        low, high = score["interval"]
        limits = {"lower": low, "upper": high, "confidence_level": 0.95}
        uncertainty["confidence_interval"] = limits
    counts = _as_strings(**{key: score.get(key) for key in ("count", "total")})
    return {"score": score["value"], "details": counts, "uncertainty": uncertainty}


def _result(
    benchmark: str, metric: str, score: dict[str, Any], record: Record | None = None
) -> dict[str, Any]:
    unit, least, largest = UNITS.get(metric, UNBOUNDED if metric in UNITLESS else PERCENT)
    name, _, split = benchmark.partition("/")
    source: dict[str, Any] = {"dataset_name": name, "source_type": "other"}
    if name in HUB:
        source |= {"source_type": "hf_dataset", "hf_repo": HUB[name]}
    if record:
        details = {"version": record["benchmark_version"], "protocol": record["protocol"]}
        source["additional_details"] = _as_strings(split=split, **details)
    return {
        "evaluation_name": benchmark,
        "source_data": source,
        "metric_config": {
            "metric_id": metric,
            "metric_name": metric.replace("_", " "),
            **({"metric_unit": unit} if unit else {}),
            "lower_is_better": "error" in metric or metric in LOWER_IS_BETTER,
            "score_type": "continuous",
            "min_score": least,
            "max_score": largest,
        },
        "score_details": score,
    }


def _as_strings(**values: Any) -> dict[str, str]:
    """Return the values that are there as strings, as the schema wants them."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, default=str).strip('"')
        for key, value in values.items()
        if value not in (None, "")
    }


def _now() -> str:
    """Return the Unix time, or SOURCE_DATE_EPOCH for reproducible output."""
    return os.environ.get("SOURCE_DATE_EPOCH") or str(int(time.time()))


def _developer(model: str) -> str:
    paper = paper_of(get_entry(model))
    return paper.id if paper else US
