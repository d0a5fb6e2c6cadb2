"""Measure what a check has no record of: here, or each evaluation as a task of a cluster.

specs -> plan -> evaluations, one after another | on a cluster -> records, added in the plan's order
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from zoo.claims.downloads import Download
from zoo.claims.plan import PlannedEval, estimate, plan
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.contents import benchmark_contents
from zoo.distributed import ProcessGroup, choose_device, retain_freed_memory
from zoo.evaluation import ledger as ledgers
from zoo.evaluation.cluster import Cluster
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Ledger, Record
from zoo.evaluation.spec import EvalSpec, find_record, make_record


class ProgressCallback(Protocol):
    """Methods that a check calls on the main process, in this order."""

    def downloads(self, planned: Sequence[Download]) -> None: ...
    def planned(self, steps: Sequence[PlannedEval], seconds: Mapping[EvalSpec, float]) -> None: ...
    def begins(self, spec: EvalSpec, samples: int) -> None: ...
    def advance(self, samples: int) -> None: ...
    def counting(self, claim: str) -> None: ...


class NoProgress:
    """Null object: shows no progress, and lets everything be downloaded that was asked for."""

    def downloads(self, planned: Sequence[Download]) -> None:
        pass

    def planned(self, steps: Sequence[PlannedEval], seconds: Mapping[EvalSpec, float]) -> None:
        pass

    def begins(self, spec: EvalSpec, samples: int) -> None:
        pass

    def advance(self, samples: int) -> None:
        pass

    def counting(self, claim: str) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Run:
    """What all evaluations of a check have in common. It can be sent to a node."""

    data: Path | None  # folder with one folder per data set
    config: EvalConfig
    rerun: bool  # repeat what was measured before


def measure(
    specs: Sequence[EvalSpec],
    data: Path | None,
    group: ProcessGroup,
    config: EvalConfig,
    *,
    own: Sequence[Record] = (),
    published: Sequence[Record] = (),
    rerun: bool = False,
    cluster: Cluster | None = None,
    ledger: Ledger | None = None,
    progress: ProgressCallback | None = None,
) -> dict[EvalSpec, PlannedEval]:
    """Plan evaluations, measure what has no record, and return them with their records.

    A smoke run uses no records, and its own ones have no id.
    """
    progress, ledger = progress or NoProgress(), ledger or ledgers.own()
    published = [] if config.limit else published
    own = [] if rerun or config.limit else own
    steps = plan(specs, data, config.precision, own, published, config.backend)
    seconds = estimate(steps, data, group, config) if group.is_main else {}
    if group.is_main:
        progress.planned(steps, seconds)
    to_do = group.broadcast([step for step in steps if step.to_do])
    run = Run(data=data, config=config, rerun=rerun)
    measured: Mapping[EvalSpec, Record | None]
    if cluster and to_do:
        measured = _on_cluster(cluster, to_do, seconds, run, ledger, progress)
    else:
        measured = {step.spec: _here(step.spec, run, group, ledger, progress) for step in to_do}
    evaluations = {}
    for step in steps:
        record = measured.get(step.spec) or step.record
        if record:  # a published one without broken samples goes before
            key = step.spec.fingerprint(config.precision, config.backend)
            record = find_record([*published, record], key)
        evaluations[step.spec] = replace(step, record=record)
    return evaluations


def _here(
    spec: EvalSpec, run: Run, group: ProcessGroup, ledger: Ledger, progress: ProgressCallback
) -> Record | None:
    """Measure on all processes; return the new record on the main process."""
    content, log = evaluate(spec, run, group, progress)
    if content is None:
        return None
    record = _add(content, run, ledger)
    shutil.rmtree(log, ignore_errors=True)
    return record


def _add(content: dict[str, Any], run: Run, ledger: Ledger) -> Record:
    return {**content, "id": ""} if run.config.limit else ledger.add(content)


def evaluate(
    spec: EvalSpec, run: Run, group: ProcessGroup, progress: ProgressCallback
) -> tuple[dict[str, Any] | None, Path]:
    """Measure now; return the content of a record, on the main process, and the predictions' log,
    from which an interrupted run is resumed."""
    from zoo.evaluation.contents import run_contents
    from zoo.evaluation.engine import run_evaluation

    data, config = run.data, run.config
    evaluator = group.main_process_first(lambda: spec.build_evaluator(data))
    key = spec.fingerprint(config.precision, config.backend)
    setting = key | {"limit": config.limit, "rerun": run.rerun} | run_contents(evaluator, group)
    digest = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:24]
    folder = ledgers.own().folder.with_name("unfinished") / digest
    progress.begins(spec, min(evaluator.size, config.limit or evaluator.size))
    output = run_evaluation(
        evaluator, group, config, setting=setting, folder=folder, on_progress=progress.advance
    )
    if not group.is_main:
        return None, folder
    content = make_record(key, evaluator, output, group)
    samples = BENCHMARKS[spec.benchmark].open(data)
    if contents := benchmark_contents(spec.benchmark, samples):
        content["contents"] = contents
    return content, folder


def evaluate_task(task: tuple[EvalSpec, Run, Cluster]) -> dict[str, Any]:
    """Measure on a node of a cluster, in this process alone; return the content of a record."""
    import torch

    spec, run, cluster = task
    torch.set_num_threads(cluster.cpus)
    device = choose_device(cluster.device)
    if device == "cpu":
        retain_freed_memory()
    group = ProcessGroup(rank=0, size=1, device=torch.device(device))
    content, log = evaluate(spec, run, group, NoProgress())
    assert content is not None
    shutil.rmtree(log, ignore_errors=True)
    return content


def _on_cluster(
    cluster: Cluster,
    steps: Sequence[PlannedEval],
    seconds: Mapping[EvalSpec, float],
    run: Run,
    ledger: Ledger,
    progress: ProgressCallback,
) -> dict[EvalSpec, Record]:
    """Measure each step as a task, and add the records in the order of the steps.

    A record waits for those before it; an interrupted run adds what waits, so that nothing is lost.
    """
    tasks = [(step.spec, run, cluster) for step in steps]
    waiting: dict[int, dict[str, Any]] = {}
    records: dict[EvalSpec, Record] = {}
    times = [seconds[step.spec] for step in steps]
    try:
        for index, content in cluster.run(evaluate_task, tasks, times):
            step, waiting[index] = steps[index], content
            progress.begins(step.spec, content["samples"])
            progress.advance(content["samples"])
            while len(records) in waiting:
                number = len(records)
                records[steps[number].spec] = _add(waiting.pop(number), run, ledger)
    finally:
        for _, content in sorted(waiting.items()):
            _add(content, run, ledger)
    return records
