"""Any network that tells spoken words, on a split of Speech Commands, on any number of processes.

    python -m eval.keyword_spotting kws_res8_narrow.honkling --on speech_commands/test --data DIR
    python -m eval.keyword_spotting FILE.safetensors --model kws_res15 --on ... --data DIR
    accelerate launch --num_processes 2 -m eval.keyword_spotting ...

Prints one JSON record: the error in percent with its interval. With --out a killed run goes on
where it was.
"""

import argparse
from pathlib import Path
from typing import Any

from torch import nn

from eval.record import add_options, called, measured, pinned, protocol, run_script
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.evaluation.spec import to_json
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.models._sources import load_file
from zoo.papers.protocols import MfccProtocol, to_record

TASK = tasks.TASKS["keyword-spotting"]


def load(options: argparse.Namespace) -> tuple[nn.Module, str]:
    """The network and the sha256 of its weights. Raises ValueError for one of another task."""
    path = Path(options.weights)
    file = path.suffix == ".safetensors"
    if file and not options.model:
        raise ValueError(f"{path} needs --model, the architecture that it is of")
    name = options.model if file else options.weights
    if parse_name(name)[0].task != TASK.name:
        raise ValueError(f"{name} tells no words that are said; `zoo list --task {TASK.name}`")
    if file:
        return load_file(name, path), file_sha256(path)
    model = create(name, pretrained=True)
    return model, pinned(model)


def evaluate(options: argparse.Namespace, world: ProcessGroup) -> dict[str, Any]:
    """The record of one evaluation, equal on every process but for the times."""
    how = protocol(MfccProtocol, options.protocol) if options.protocol else MfccProtocol()
    benchmark = BENCHMARKS.get(options.on)
    if not benchmark or benchmark.task != TASK.name:
        raise ValueError(f"{options.on} is no benchmark of spoken words")
    samples = benchmark.open(options.data)
    model, digest = load(options)
    key = {
        **called(options.weights, model),
        "sha256": digest,
        "benchmark": benchmark.id,
        "benchmark_version": benchmark.version,
        "protocol": to_json(to_record(how)),
    }
    return measured(TASK.evaluator(model, samples, how, benchmark), key, options, world)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="a network, arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", required=True, help="a benchmark")
    parser.add_argument("--data", type=Path, help="folder of the zoo's benchmarks")
    parser.add_argument("--eager", action="store_true", help="no BatchNorm folded, channels first")
    parser.add_argument("--compile", action="store_true")
    add_options(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
