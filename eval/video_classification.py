"""Evaluate a network of video clips on a benchmark, on any number of processes.

    python -m eval.video_classification FILE.safetensors --model p3d63 \\
        --benchmark moving_digits/test
    accelerate launch --num_processes 2 -m eval.video_classification ...

Prints one JSON record: the error in percent with its interval. With --out a killed run resumes.
"""

import argparse
from typing import Any

from eval.record import add_options, load_network, measure, run_script
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks

TASK = tasks.TASKS["video-classification"]


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    benchmark = BENCHMARKS.get(options.benchmark)
    if not benchmark or benchmark.task != TASK.name:
        raise ValueError(f"{options.benchmark} is no benchmark of {TASK.name}")
    model, sha256 = load_network(options, TASK.name)
    key = {
        "sha256": sha256,
        "benchmark": benchmark.id,
        "benchmark_version": benchmark.version,
        "protocol": {},
    }
    evaluator = TASK.evaluator(model, benchmark.open(), None, benchmark)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--benchmark", required=True, help="a benchmark of video clips")
    parser.add_argument("--eager", action="store_true", help="fold no BatchNorm")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
