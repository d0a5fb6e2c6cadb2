"""Claims and measurements as logs of "Every Eval Ever", evaleval/every_eval_ever 0.3.0 on GitHub.

measured claims of paper.toml -> documentation      evaluations of the ledgers -> evaluation_run

A log is of one network in one paper, or of one record. Nothing is said that is not recorded: no
organization but a paper's authors, no bound that a metric does not have, no id on the Hub for a
network that nobody put there: it is room/name, and the room's paper is its first party.
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

from zoo.claims import check
from zoo.claims.verdict import describe_claim
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import get_entry, list_weights, paper_of
from zoo.papers.records import LOWER_IS_BETTER, Claim, Paper
from zoo.papers.weights import Weights
from zoo.reporting.cards.metadata import HUB

US = "residual-zoo"
MARK = f'{{\n "schema_version": "0.3.0",\n "evaluation_id": "{US}/'
PERCENT = ("percent", 0, 100)
UNITS: dict[str, tuple[str, float | str, float | str]] = {  # by metric: unit, least, largest
    "psnr": ("dB", "-Infinity", "Infinity"),
    "ssim": ("", -1, 1),
    "mos": ("", 1, 5),
    "f_measure": ("", 0, 1),
    "mae": ("", 0, "Infinity"),
    "loss": ("nats per token", 0, "Infinity"),
    "perplexity": ("", 1, "Infinity"),
    "bits_per_byte": ("bits per byte", 0, "Infinity"),
    "bits_per_character": ("bits per character", 0, "Infinity"),
}


def files(names: Sequence[str]) -> dict[str, str]:
    """{data/COLLECTION/DEVELOPER/MODEL/UUID.json: text} of all that is claimed about names, and
    was measured. Raises LookupError if that is nothing."""
    asked = check.select(names)
    weights = {w.name: w for _, _, found in asked for w in found}
    models = {claim.model for _, claims, _ in asked for claim in claims}
    logs = [log for paper, claims, _ in asked for log in _claimed(paper, claims)]
    for record in _evaluations():
        of = weights.get(record["weights"])
        if of or (not record["weights"] and record["model"] in models):
            logs.append(_measured(record, of))
    if not logs:
        raise LookupError(f"no claim on {', '.join(names)} is of a measurement, and none is here")
    return {_path(log): json.dumps(log, indent=1, ensure_ascii=False) + "\n" for log in logs}


def _evaluations() -> Iterable[Record]:
    records = [*ledger.published().records(), *ledger.own().records()]
    return {r["id"]: r for r in records if r["kind"] == "evaluation"}.values()


def _path(log: Mapping[str, Any]) -> str:
    """Where the datastore wants a log: under a UUID, here made of what the log is of."""
    own = log["source_metadata"]["source_type"] == "evaluation_run"
    name = uuid.UUID(bytes=sha256(log["evaluation_id"].encode()).digest()[:16], version=4)
    return f"data/{US if own else f'{US}-papers'}/{log['model_info']['id']}/{name}.json"


def _log(told: str, source: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "schema_version": "0.3.0",
        "evaluation_id": f"{US}/{told}",
        **rest,
        "source_metadata": source,
    }


def _claimed(paper: Paper, claims: Iterable[Claim]) -> Iterable[dict[str, Any]]:
    """A log for each network, with its arguments, of which a paper prints measurements."""

    def network(claim: Claim) -> str:
        return describe_claim(claim)[0]

    found = [claim for claim in claims if claim.kind == "measured"]
    for name, of_network in groupby(sorted(found, key=network), key=network):
        of = list(of_network)
        room = _room(of[0].model)
        source = {
            "source_name": paper.title,
            "source_type": "documentation",
            "source_organization_name": ", ".join(paper.authors),
            "evaluator_relationship": "first_party" if room == paper.id else "third_party",
            "additional_details": _told(arxiv=paper.arxiv, code=paper.code),
        }
        open_weights = any(w.relation in ("official", "port") for w in list_weights(of[0].model))
        yield _log(
            f"{paper.id}/{name}",
            source,
            retrieved_timestamp=_now(),
            eval_library={"name": "unknown", "version": "unknown"},
            model_info={
                "name": name,
                "id": f"{room}/{of[0].model}",
                "additional_details": {
                    "deployment_type": "unknown",
                    "model_availability": "open_weights" if open_weights else "unknown",
                },
            },
            evaluation_results=[_claim(paper, claim) for claim in of],
        )


def _claim(paper: Paper, claim: Claim) -> dict[str, Any]:
    assert claim.value is not None  # of a measured one
    details = _told(
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
    """The log of one record: of weights, or of a network that needs none."""
    bundled = weights is not None and weights.bundled
    source = {
        "source_name": f"the ledger of {US}",
        "source_type": "evaluation_run",
        "source_organization_name": US,
        "evaluator_relationship": "first_party" if bundled else "third_party",
        "additional_details": _told(
            record=record["id"],
            left_out=", ".join(record["broken"]),
            **{key: record[key] for key in ("commit", "device", "precision")},
        ),
    }
    versions = record["versions"]
    library = {"name": US, "version": versions.get(US, "unknown"), "additional_details": versions}
    moment = datetime.fromisoformat(record["date"])
    return _log(
        record["id"],
        source,
        evaluation_timestamp=record["date"],
        retrieved_timestamp=str(int(moment.timestamp())),
        eval_library=library,
        model_info=_model(record, weights),
        evaluation_results=[
            _result(record["benchmark"], metric, _score(score, record["samples"]), record)
            for metric, score in record["scores"].items()
        ],
    )


def _model(record: Record, weights: Weights | None) -> dict[str, Any]:
    hosted = weights.repo if weights else ""
    owner = US if weights and weights.bundled else _room(record["model"])
    name = record["weights"] or record["model"]
    of = (
        {key: getattr(weights, key) for key in ("relation", "license", "origin")} if weights else {}
    )
    details = _told(network=record["model"], sha256=record["sha256"], **of)
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
    counts = _told(**{key: score.get(key) for key in ("count", "total")})
    return {"score": score["value"], "details": counts, "uncertainty": uncertainty}


def _result(
    benchmark: str, metric: str, score: dict[str, Any], record: Record | None = None
) -> dict[str, Any]:
    unit, least, largest = UNITS.get(metric, PERCENT)
    name, _, split = benchmark.partition("/")
    source: dict[str, Any] = {"dataset_name": name, "source_type": "other"}
    if name in HUB:
        source |= {"source_type": "hf_dataset", "hf_repo": HUB[name]}
    if record:
        how = {"version": record["benchmark_version"], "protocol": record["protocol"]}
        source["additional_details"] = _told(split=split, **how)
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


def _told(**given: Any) -> dict[str, str]:
    """What there is of it, as the strings that the schema wants."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, default=str).strip('"')
        for key, value in given.items()
        if value not in (None, "")
    }


def _now() -> str:
    """When a log of claims is made, in seconds; SOURCE_DATE_EPOCH makes it the same again."""
    return os.environ.get("SOURCE_DATE_EPOCH") or str(int(time.time()))


def _room(model: str) -> str:
    paper = paper_of(get_entry(model))
    return paper.id if paper else US
