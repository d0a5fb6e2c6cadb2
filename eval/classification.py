"""Any classifier on any data set of images, on any number of processes, every image once.

    python -m eval.classification resnet20.zoo_digits --on digits/test
    python -m eval.classification resnet50.tv_in1k --on ILSVRC/imagenet-1k \\
        --protocol resnet/imagenet-10crop --precision bf16 --out runs/resnet50
    python -m eval.classification FILE.safetensors --model resnet20 --args '{"padding": "both"}' \\
        --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --on cifar10_jpeg/test --data DIR
    accelerate launch --num_processes 2 -m eval.classification ...

Prints one JSON record. With --out, answers are kept as they come: killed and run again, by any
number of processes, it goes on where it was and writes the same record but for the times.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from eval.data import open_source
from eval.record import add_options, called, measured, pinned, protocol, run_script
from zoo.checkpoints.loading import check_keys
from zoo.checkpoints.writing import file_sha256
from zoo.data.transforms import make_transform
from zoo.distributed import ProcessGroup
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.evaluation.spec import describe_preprocessing
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.papers.protocols import CropProtocol


def load(options: argparse.Namespace) -> tuple[nn.Module, dict[str, Any], str]:
    """The network, its preprocessing, and the sha256 of its weights."""
    path = Path(options.weights)
    if path.suffix != ".safetensors":
        model = create(options.weights, pretrained=True)
        return model, dict(pretrained_cfg(model)), pinned(model)
    if not options.model:
        raise ValueError(f"{path} needs --model, the architecture that it is of")
    model = create(options.model, **json.loads(options.args))
    state = safetensors.torch.load_file(path)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    check_keys(str(path), shapes, state)
    model.load_state_dict(state, strict=True)
    cfg = dict(pretrained_cfg(model))
    given = {"mean": options.mean, "std": options.std}
    return model, cfg | {k: v for k, v in given.items() if v}, file_sha256(path)


def evaluate(options: argparse.Namespace, world: ProcessGroup) -> dict[str, Any]:
    """The record of one evaluation, equal on every process but for the times."""
    model, cfg, digest = load(options)
    view = protocol(CropProtocol, options.protocol) if options.protocol else None
    columns = options.image_column, options.label_column
    source = open_source(options.on, options.split, columns, options.data)
    key = {
        **called(options.weights, model),
        "sha256": digest,
        "benchmark": source.name,
        "benchmark_version": source.version,
        "protocol": describe_preprocessing(cfg, view),
    }
    return measured(
        ClassificationEvaluator(model, source.samples, make_transform(cfg, view)),
        key,
        options,
        world,
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", required=True, help="a benchmark, a Hub data set, a file, a folder")
    parser.add_argument("--split", default="", help="of a Hub data set; validation by default")
    parser.add_argument("--image-column", default="")
    parser.add_argument("--label-column", default="")
    parser.add_argument("--data", type=Path, help="folder of the zoo's benchmarks")
    parser.add_argument("--args", default="{}", help="arguments of that architecture, as JSON")
    parser.add_argument("--mean", type=float, nargs="+")
    parser.add_argument("--std", type=float, nargs="+")
    parser.add_argument("--eager", action="store_true", help="no BatchNorm folded, channels first")
    parser.add_argument("--compile", action="store_true")
    add_options(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
