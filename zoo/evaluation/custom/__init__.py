"""Any network on any data set: what `zoo evaluate` runs.

Request -> network -> samples of its task -> evaluator -> record
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.contents import run_contents
from zoo.evaluation.custom import (
    classification,
    denoising,
    language_modeling,
    super_resolution,
    translation,
)
from zoo.evaluation.custom.networks import Network, load
from zoo.evaluation.custom.request import (
    DataError,
    Request,
    Samples,
    check_fields,
    find_protocol,
)
from zoo.evaluation.engine import run_evaluation, shard
from zoo.evaluation.spec import make_record, to_json
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import to_record

__all__ = ["DataError", "OnBegin", "Request", "evaluate"]

OnBegin = Callable[[str, int, str], Callable[[int], None]]  # (name, samples of this process, note)
# -> called with the number of samples that are done
OPENERS: Mapping[str, Callable[[Request, Network], Samples]] = {  # of data that is no benchmark
    "image-classification": classification.open_samples,
    "super-resolution": super_resolution.open_samples,
    "denoising": denoising.open_samples,
    "language-modeling": language_modeling.open_samples,
    "translation": translation.open_samples,
}


def evaluate(
    request: Request,
    config: EvalConfig,
    group: ProcessGroup,
    *,
    out: Path | None = None,
    on_begin: OnBegin = lambda name, samples, note: lambda done: None,
) -> dict[str, Any]:
    """Evaluate a network on a data set, every sample once, on all processes of a group.

    Args:
        request: Which network, on which data.
        config: How it is run.
        group: The processes, see zoo.distributed.init.
        out: Folder that keeps the predictions: a run that was killed resumes from it, by any
            number of processes.
        on_begin: Called before the first sample; returns what is called with each batch's size.

    Returns:
        The record, the same on every process but for the times.

    Raises:
        LookupError: No network, benchmark or data set has this name.
        ValueError: The data or the weights do not fit the network, or a sample cannot be read.

    Example:
        >>> from zoo.distributed import init
        >>> request = Request(weights="resnet20.zoo_digits", benchmark="digits/test")
        >>> record = evaluate(request, EvalConfig(limit=30), init("cpu"))
        >>> record["samples"], record["scores"]["error"]["value"]
        (30, 0.0)
    """
    benchmark = _benchmark(request.benchmark)
    scaled = replace(request, scale=benchmark.scale) if benchmark and benchmark.scale else request
    network = load(scaled, benchmark.task if benchmark else "")
    check_fields(request, network.task)
    samples = OPENERS.get(network.task, _on_benchmark)(request, network)
    setting = to_json(
        {
            "model": network.model,
            "weights": network.weights,
            "sha256": network.sha256,
            "benchmark": samples.benchmark,
            "benchmark_version": samples.version,
            "protocol": samples.protocol,
            "precision": config.precision,
            "backend": config.backend,
            "limit": config.limit,
        }
    )
    evaluator = samples.evaluator
    indices = range(min(evaluator.size, config.limit or evaluator.size))
    own = len(shard(indices, group.rank, group.size))
    on_progress = on_begin(network.weights or network.model, own, samples.note)
    output = run_evaluation(
        evaluator,
        group,
        config,
        setting=setting | (run_contents(evaluator, group) if out else {}),
        folder=out,
        on_progress=on_progress,
    )
    return make_record(setting, evaluator, output, group)


def _benchmark(name: str) -> Benchmark | None:
    """Return a benchmark; None for other data. Raises LookupError for a misspelt split."""
    if name not in BENCHMARKS and not Path(name).exists():
        splits = [b.id for b in BENCHMARKS.values() if b.dataset == name.partition("/")[0]]
        if splits:
            raise LookupError(f"no benchmark is called {name!r}; there are {', '.join(splits)}")
    return BENCHMARKS.get(name)


def _on_benchmark(request: Request, network: Network) -> Samples:
    """Return an evaluator on a benchmark of a task whose data has no other layout."""
    task, benchmark = tasks.TASKS[network.task], BENCHMARKS.get(request.benchmark)
    if not benchmark:
        raise DataError(
            f"{request.benchmark} is no benchmark of {task.name}; there are "
            f"{', '.join(b.id for b in BENCHMARKS.values() if b.task == task.name)}"
        )
    protocol = task.default(pretrained_cfg(network.module))
    if request.protocol:
        protocol = find_protocol(type(protocol), request.protocol)
    evaluator = task.evaluator(network.module, benchmark.open(request.data), protocol, benchmark)
    version = benchmark.version
    return Samples(evaluator, benchmark.id, version, to_record(protocol) if protocol else {})
