"""Weights on a benchmark, on any number of processes: every image is counted once.

    python -m eval.validate resnet20.zoo_digits --on digits/test
    python -m eval.validate FILE.safetensors --model resnet20 --args '{"padding": "both"}' \\
        --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --on cifar10_jpeg/test --data DIR
    ACCELERATE_USE_CPU=1 torchrun --nproc_per_node 2 -m eval.validate ...

Prints one JSON record.
"""

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from zoo import registry, weights
from zoo.benchmarks import BENCHMARKS, shard
from zoo.benchmarks.classification import predict
from zoo.benchmarks.preprocessing import Preprocessing
from zoo.verdicts import interval


def load(options: argparse.Namespace) -> tuple[nn.Module, dict[str, Any], str]:
    """The network, its preprocessing, and the sha256 of its weights."""
    path = Path(options.weights)
    if path.suffix != ".safetensors":
        model = registry.create(options.weights, pretrained=True)
        _, pinned = registry.split(options.weights)
        found = pinned or registry.weights_of(options.weights)[0]
        return model, dict(vars(model)["pretrained_cfg"]), found.sha256
    model = registry.create(options.model, **json.loads(options.args))
    model.load_state_dict(safetensors.torch.load_file(path), strict=True)
    cfg = dict(vars(model)["pretrained_cfg"])
    given = {"mean": options.mean, "std": options.std}
    return model, cfg | {k: v for k, v in given.items() if v}, weights.sha256(path)


def validate(options: argparse.Namespace) -> dict[str, Any]:
    """The record of one evaluation, equal on every process."""
    accelerator = Accelerator(cpu=options.device == "cpu")
    model, cfg, digest = load(options)
    benchmark = BENCHMARKS[options.on]
    samples = benchmark.open(options.data)
    mine = shard(samples, accelerator.process_index, accelerator.num_processes)
    start = time.perf_counter()
    found = predict(model.to(accelerator.device), Preprocessing(cfg), samples, mine)
    gathered = gather_object(list(found.items()))
    seen = dict(gathered)
    if not len(gathered) == len(seen) == benchmark.size:
        raise RuntimeError(f"{len(gathered)} answers to {benchmark.size} images of {benchmark.id}")
    wrong = sum(predicted != label for predicted, label in seen.values())
    return {
        "weights": options.weights,
        "sha256": digest,
        "benchmark": benchmark.id,
        "version": benchmark.version,
        "right": benchmark.size - wrong,
        "total": benchmark.size,
        "error": 100 * wrong / benchmark.size,
        "interval": interval(wrong, benchmark.size),
        "processes": accelerator.num_processes,
        "device": str(accelerator.device),
        "precision": "float32",
        "seconds": round(time.perf_counter() - start, 1),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", choices=sorted(BENCHMARKS), required=True)
    parser.add_argument("--model", help="the architecture of a file")
    parser.add_argument("--args", default="{}", help="its arguments, as JSON")
    parser.add_argument("--mean", type=float, nargs="+")
    parser.add_argument("--std", type=float, nargs="+")
    parser.add_argument("--data", type=Path, help="folder of data sets")
    parser.add_argument("--device", choices=["cpu", "auto"], default="auto")
    record = validate(parser.parse_args())
    accelerator = Accelerator()
    accelerator.print(json.dumps(record))
    accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    main()
