"""What there is to be measured: weights on a benchmark, by a protocol. Done, it is a record.

Work -> job -> outcome -> content of a record of the ledger
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.environment import environment
from zoo.evaluation.ledger import Record
from zoo.models._builder import make_pretrained_cfg
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.papers.protocols import CropProtocol, Protocol, SuperResolutionProtocol, to_record
from zoo.papers.weights import Weights

PREPROCESSING_KEYS = (
    "input_size",
    "crop_pct",
    "interpolation",
    "mean",
    "std",
)  # of a classifier's preprocessing


@dataclass(frozen=True, kw_only=True)
class EvalSpec:
    """Weights ("arch.tag", of these bytes), a network without parameters, or the images that its
    authors published (a folder of the data, of this sum), on a benchmark. The `protocol` of a
    classifier is None: by the preprocessing of its weights."""

    model: str
    benchmark: str
    weights: str = ""
    sha256: str = ""
    protocol: Protocol | None = None
    images: str = ""

    @property
    def name(self) -> str:
        """What is created."""
        return self.weights or self.model

    def key(self, precision: str) -> dict[str, Any]:
        """The fields of a record that say that this was measured."""
        return {
            "model": self.model,
            "weights": self.weights,
            "sha256": self.sha256,
            "benchmark": self.benchmark,
            "benchmark_version": BENCHMARKS[self.benchmark].version,
            "protocol": self.shown(),
            "precision": precision,
        }

    def shown(self) -> dict[str, Any]:
        """How samples are shown, in every detail, as JSON has it."""
        if self.protocol and not isinstance(self.protocol, CropProtocol):
            images = {"images": self.images} if self.images else {}
            return to_json(to_record(self.protocol) | images)
        entry, weights = parse_name(self.name)
        view = self.protocol if isinstance(self.protocol, CropProtocol) else None
        return describe_preprocessing(make_pretrained_cfg(entry, weights), view)

    def job(self, data: Path | None) -> Any:
        """The network with its weights, and the samples. Raises NoDataError, LookupError,
        WeightsError, RuntimeError for a benchmark that is not whole."""
        from zoo.evaluation import tasks

        benchmark = BENCHMARKS[self.benchmark]
        samples: Any = benchmark.open(data)
        if len(samples) != benchmark.size:
            raise RuntimeError(f"{benchmark.id} has {len(samples)} of {benchmark.size} samples")
        if self.images:
            return self._published(samples, data)
        network: Any = create(self.name, pretrained=bool(self.weights))
        return tasks.task_of(self.model).job(network, samples, self.protocol, benchmark.id)

    def _published(self, samples: Any, data: Path | None) -> Any:
        from zoo.data.super_resolution import settings
        from zoo.evaluation.evaluators.published_images import PublishedImagesEvaluator

        assert data
        assert isinstance(self.protocol, SuperResolutionProtocol)
        scale = settings(self.benchmark)[2]
        return PublishedImagesEvaluator(data / self.images, samples, self.protocol, scale)


def to_json(value: Any) -> Any:
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value))


def describe_preprocessing(
    cfg: Mapping[str, Any], view: CropProtocol | None = None
) -> dict[str, Any]:
    """How a classifier is shown an image: by its pretrained_cfg or, but for the normalisation, by
    a view."""
    if view:
        return to_json(to_record(view) | {key: cfg[key] for key in ("mean", "std")})
    return to_json({key: cfg[key] for key in PREPROCESSING_KEYS})


def spec_for(weights: Weights, benchmark: str, protocol: Protocol | None) -> EvalSpec:
    """Weights on a benchmark, of the bytes that are pinned."""
    from zoo.checkpoints.lockfile import get_pin

    pin = get_pin(weights) if weights.repo else weights
    return EvalSpec(
        model=weights.model,
        weights=weights.name,
        sha256=pin.sha256 if pin else "",
        benchmark=benchmark,
        protocol=protocol,
    )


def make_record(key: Mapping[str, Any], job: Any, outcome: Any, world: Any) -> dict[str, Any]:
    """A record of what was measured, but for what the ledger adds."""
    return {
        "kind": "evaluation",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **key,
        **job.scores(outcome.answers),
        "answers_sha256": outcome.sha256,
        "broken": list(outcome.broken),
        "seconds": outcome.seconds,
        "peak_memory": outcome.peak_memory,
        "processes": world.size,
        **environment(world.device),
    }


def find_record(records: Sequence[Record], key: Mapping[str, Any]) -> Record | None:
    """The last record of a work that left nothing out, or else the last."""
    same = [r for r in records if all(r.get(name) == value for name, value in key.items())]
    return next((r for r in reversed(same) if not r["broken"]), same[-1] if same else None)
