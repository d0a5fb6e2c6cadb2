"""Evaluate a forecaster on a split of ETT, on any number of processes.

    python -m eval.forecasting_weights cyclenet_linear_96_96.etth1 \\
        --benchmark etth1/test_96 --data DIR
    python -m eval.forecasting_weights FILE.safetensors --model cyclenet_mlp_96_720 --benchmark ...

Prints one JSON record: MSE and MAE. With --out a killed run resumes.
"""

import argparse
from pathlib import Path
from typing import Any

from eval.record import add_options, find_protocol, load_network, measure, run_script
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.papers.protocols import ForecastingProtocol, to_record

TASK = tasks.TASKS["forecasting"]


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    name = options.protocol
    protocol = find_protocol(ForecastingProtocol, name) if name else ForecastingProtocol()
    benchmark = BENCHMARKS.get(options.benchmark)
    if not benchmark or benchmark.task != TASK.name:
        raise ValueError(f"{options.benchmark} is no benchmark of forecasting")
    model, sha256 = load_network(options, TASK.name)
    key = {
        "sha256": sha256,
        "benchmark": benchmark.id,
        "benchmark_version": benchmark.version,
        "protocol": to_record(protocol),
    }
    evaluator = TASK.evaluator(model, benchmark.open(options.data), protocol, benchmark)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--benchmark", required=True, help="a benchmark of forecasting")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
