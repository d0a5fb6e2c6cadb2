"""What there is to be measured: weights on a benchmark, by a protocol. Done, it is a record.

Work -> job -> outcome -> content of a record of the ledger
"""

import json
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.benchmarks import BENCHMARKS
from zoo.details import Detail, Upscaling, View
from zoo.ledger import Record
from zoo.pretrained import Weights

ROOT = Path(__file__).parent.parent.parent
SHOWN = (
    "input_size",
    "crop_pct",
    "interpolation",
    "mean",
    "std",
)  # of a classifier's preprocessing
LIBRARIES = ("residual-zoo", "torch", "torchvision", "timm", "numpy", "pillow", "scikit-image")


@dataclass(frozen=True, kw_only=True)
class Work:
    """Weights ("arch.tag", of these bytes), a network without parameters, or the images that its
    authors published (a folder of the data, of this sum), on a benchmark. The `protocol` of a
    classifier is None: by the preprocessing of its weights."""

    model: str
    benchmark: str
    weights: str = ""
    sha256: str = ""
    protocol: Detail | None = None
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
        if self.protocol and not isinstance(self.protocol, View):
            images = {"images": self.images} if self.images else {}
            return plain(asdict(self.protocol) | images)
        entry, weights = registry.split(self.name)
        view = self.protocol if isinstance(self.protocol, View) else None
        return preprocessing(registry.configuration(entry, weights), view)

    def job(self, data: Path | None) -> Any:
        """The network with its weights, and the samples. Raises NoDataError, LookupError,
        WeightsError, RuntimeError for a benchmark that is not whole."""
        from zoo import tasks

        benchmark = BENCHMARKS[self.benchmark]
        samples: Any = benchmark.open(data)
        if len(samples) != benchmark.size:
            raise RuntimeError(f"{benchmark.id} has {len(samples)} of {benchmark.size} samples")
        if self.images:
            return self._published(samples, data)
        network: Any = registry.create(self.name, pretrained=bool(self.weights))
        return tasks.of(self.model).job(network, samples, self.protocol, benchmark.id)

    def _published(self, samples: Any, data: Path | None) -> Any:
        from zoo.benchmarks.super_resolution import settings
        from zoo.evaluation.published import Published

        assert data
        assert isinstance(self.protocol, Upscaling)
        scale = settings(self.benchmark)[2]
        return Published(data / self.images, samples, self.protocol, scale)


def show(cfg: Mapping[str, Any], view: View | None) -> Any:
    """image -> list of (crops, C, H, W), by a view or else by the preprocessing of the weights."""
    from zoo.benchmarks.preprocessing import Preprocessing
    from zoo.benchmarks.views import Views

    if view:
        return Views(view, cfg)
    prepare = Preprocessing(cfg)
    return lambda image: [prepare(image)[None]]


def plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value))


def preprocessing(cfg: Mapping[str, Any], view: View | None = None) -> dict[str, Any]:
    """How a classifier is shown an image: by its pretrained_cfg or, but for the normalisation, by
    a view."""
    if view:
        return plain(asdict(view) | {key: cfg[key] for key in ("mean", "std")})
    return plain({key: cfg[key] for key in SHOWN})


def work(weights: Weights, benchmark: str, protocol: Detail | None) -> Work:
    """Weights on a benchmark, of the bytes that are pinned."""
    from zoo import hub

    pin = hub.pin_of(weights) if weights.repo else weights
    return Work(
        model=weights.model,
        weights=weights.name,
        sha256=pin.sha256 if pin else "",
        benchmark=benchmark,
        protocol=protocol,
    )


def content(key: Mapping[str, Any], job: Any, outcome: Any, world: Any) -> dict[str, Any]:
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
        **machine(world.device),
    }


def machine(device: Any) -> dict[str, Any]:
    """Where it ran, and by what."""
    import torch

    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "commit": commit(),
    }


@cache
def commit() -> str:
    """The commit of the checkout, with "+changes" if the library differs from it; "" outside. Of
    when it was first asked for: what runs is what was loaded."""
    if not (ROOT / ".git").exists():
        return ""

    def git(*command: str) -> str:
        done = ["git", "-C", str(ROOT), *command]
        return subprocess.run(done, capture_output=True, text=True, check=False).stdout.strip()

    found = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "zoo")
    return f"{found}+changes" if found and changed else found


def measured_before(records: Sequence[Record], key: Mapping[str, Any]) -> Record | None:
    """The last record of a work that left nothing out, or else the last."""
    same = [r for r in records if all(r.get(name) == value for name, value in key.items())]
    return next((r for r in reversed(same) if not r["broken"]), same[-1] if same else None)
