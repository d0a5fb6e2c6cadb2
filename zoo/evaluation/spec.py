"""Evaluation specs: weights on a benchmark, by a protocol.

EvalSpec -> evaluator -> EvalOutput -> fields of a record of the ledger
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.evaluation.environment import environment
from zoo.evaluation.ledger import EvalRecord, Record, backend_of
from zoo.models._builder import make_pretrained_cfg
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.papers.protocols import CropProtocol, Protocol, SuperResolutionProtocol, to_record
from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from zoo.evaluation.engine import EvalOutput, Evaluator

PREPROCESSING_KEYS = ("input_size", "crop_pct", "interpolation", "mean", "std")  # of classifiers


@dataclass(frozen=True, kw_only=True)
class EvalSpec:
    """Subject of an evaluation: weights, a network without parameters, or published images."""

    model: str  # architecture
    benchmark: str  # id of a benchmark
    weights: str = ""  # "arch.tag"; empty without parameters
    sha256: str = ""  # of the weights' file, or of the published images
    protocol: Protocol | None = None  # None: by the preprocessing of a classifier's weights
    images: str = ""  # folder of published images in the data folder

    @property
    def name(self) -> str:
        """The name that zoo.create takes."""
        return self.weights or self.model

    def fingerprint(self, precision: str, backend: str = "eager") -> dict[str, Any]:
        """Return the fields that identify this evaluation in a record."""
        return {
            "model": self.model,
            "weights": self.weights,
            "sha256": self.sha256,
            "benchmark": self.benchmark,
            "benchmark_version": BENCHMARKS[self.benchmark].version,
            "protocol": self.protocol_dict(),
            "precision": precision,
            "backend": backend,
        }

    def protocol_dict(self) -> dict[str, Any]:
        """Return all settings of protocol and preprocessing, as a record has them."""
        if self.protocol is None or isinstance(self.protocol, CropProtocol):
            entry, weights = parse_name(self.name)
            return describe_preprocessing(make_pretrained_cfg(entry, weights), self.protocol)
        images = {"images": self.images} if self.images else {}
        return to_json(to_record(self.protocol) | images)

    def build_evaluator(self, data: Path | None) -> "Evaluator":
        """Create the network with its weights, and open the samples.

        Raises:
            DatasetNotFoundError: the samples are not in `data`.
            LookupError: the weights are not there.
            WeightsError: the weights are not the pinned ones, or do not fit.
            RuntimeError: the benchmark has another number of samples.
        """
        benchmark = BENCHMARKS[self.benchmark]
        samples: Any = benchmark.open(data)
        if len(samples) != benchmark.size:
            raise RuntimeError(f"{benchmark.id} has {len(samples)} of {benchmark.size} samples")
        if self.images:
            from zoo.evaluation.evaluators.published_images import PublishedImagesEvaluator

            assert data
            assert isinstance(self.protocol, SuperResolutionProtocol)
            folder = data / self.images
            return PublishedImagesEvaluator(folder, samples, self.protocol, benchmark.scale)
        network = create(self.name, pretrained=bool(self.weights))
        evaluator: Evaluator = tasks.task_of(self.model).evaluator(
            network, samples, self.protocol, benchmark
        )
        return evaluator


def to_json(value: Any) -> Any:
    """Return a value as it is read back from JSON."""
    return json.loads(json.dumps(value))


def describe_preprocessing(
    cfg: Mapping[str, Any], protocol: CropProtocol | None = None
) -> dict[str, Any]:
    """Return a record's `protocol` of a classifier: crops or cfg, and normalisation by the cfg."""
    if protocol:
        return to_json(to_record(protocol) | {key: cfg[key] for key in ("mean", "std")})
    return to_json({key: cfg[key] for key in PREPROCESSING_KEYS})


def spec_for(weights: Weights, benchmark: str, protocol: Protocol | None) -> EvalSpec:
    """Return the spec of pinned weights on a benchmark."""
    from zoo.checkpoints.lockfile import get_pin

    pin = get_pin(weights)
    return EvalSpec(
        model=weights.model,
        weights=weights.name,
        sha256=pin.sha256 if pin else "",
        benchmark=benchmark,
        protocol=protocol,
    )


def make_record(
    fingerprint: Mapping[str, Any],
    evaluator: "Evaluator",
    output: "EvalOutput",
    group: ProcessGroup,
) -> dict[str, Any]:
    """Return an EvalRecord, without the fields that the ledger adds."""
    from zoo.inference.optimize.backends import distribution

    machine = environment(group.device)
    machine["versions"] |= getattr(evaluator, "versions", {})  # of what it alone needs
    library = distribution(backend_of(fingerprint))
    machine["versions"][library] = version(library)
    return {
        "kind": "evaluation",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **fingerprint,
        **evaluator.compute(output.predictions),
        "answers_sha256": output.sha256,
        "broken": list(output.broken),
        "seconds": output.seconds,
        "peak_memory": output.peak_memory,
        "processes": group.size,
        **machine,
    }


def find_record(records: Sequence[Record], fingerprint: Mapping[str, Any]) -> EvalRecord | None:
    """Return the last record of an evaluation, if possible one that left no sample out."""
    matches = [
        cast(EvalRecord, record)
        for record in records
        if all(
            {**record, "backend": backend_of(record)}.get(key) == value
            for key, value in fingerprint.items()
        )
    ]
    complete = [record for record in matches if not record["broken"]]
    return next(reversed(complete or matches), None)
