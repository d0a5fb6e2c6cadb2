"""Evaluate a keyword-spotting network on a split of Speech Commands, on any number of processes.

    python -m eval.keyword_spotting kws_res8_narrow.honkling --benchmark speech_commands/test \\
        --data DIR
    python -m eval.keyword_spotting FILE.safetensors --model kws_res15 --benchmark ... --data DIR
    accelerate launch --num_processes 2 -m eval.keyword_spotting ...

Prints one JSON record: the error in percent with its interval. With --out a killed run resumes.
"""

import argparse
from pathlib import Path
from typing import Any

from eval.record import add_options, find_protocol, load_network, measure, run_script
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.papers.protocols import MfccProtocol, to_record

TASK = tasks.TASKS["keyword-spotting"]


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    name = options.protocol
    protocol = find_protocol(MfccProtocol, name) if name else MfccProtocol()
    benchmark = BENCHMARKS.get(options.benchmark)
    if not benchmark or benchmark.task != TASK.name:
        raise ValueError(f"{options.benchmark} is no benchmark of keyword spotting")
    samples = benchmark.open(options.data)
    model, sha256 = load_network(options, TASK.name)
    key = {
        "sha256": sha256,
        "benchmark": benchmark.id,
        "benchmark_version": benchmark.version,
        "protocol": to_record(protocol),
    }
    evaluator = TASK.evaluator(model, samples, protocol, benchmark)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--benchmark", required=True, help="a benchmark of keyword spotting")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    parser.add_argument("--eager", action="store_true", help="fold no BatchNorm, channels first")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
