"""Evaluate weights on a benchmark of their task, on any number of processes.

    python -m eval.any_task FILE.safetensors --model unetplusplus --benchmark otsu_pictures/test
    accelerate launch --num_processes 2 -m eval.any_task ...

Prints one JSON record. With --out a killed run resumes. Tasks whose data sets need options of their
own have scripts of their own.
"""

import argparse
from pathlib import Path
from typing import Any

from eval.record import add_options, find_protocol, load_network, measure, run_script
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import to_record


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    benchmark = BENCHMARKS.get(options.benchmark)
    task = tasks.TASKS[benchmark.task] if benchmark else None
    if not benchmark or not task or task.script != "any_task":
        script = f"it is for eval.{task.script}" if task else "there is no such benchmark"
        raise ValueError(f"{options.benchmark} cannot be evaluated here: {script}")
    model, sha256 = load_network(options, task.name)
    protocol = task.default(pretrained_cfg(model))
    if options.protocol:
        protocol = find_protocol(type(protocol), options.protocol)
    key = {
        "sha256": sha256,
        "benchmark": benchmark.id,
        "benchmark_version": benchmark.version,
        "protocol": to_record(protocol),
    }
    evaluator = task.evaluator(model, benchmark.open(options.data), protocol, benchmark)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--benchmark", required=True, help="a benchmark of the network's task")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
