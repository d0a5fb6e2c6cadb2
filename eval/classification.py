"""Evaluate a classifier on any data set of images, on any number of processes, every image once.

    python -m eval.classification resnet20.zoo_digits --benchmark digits/test
    python -m eval.classification resnet50.tv_in1k --benchmark ILSVRC/imagenet-1k \\
        --protocol resnet/imagenet-10crop --precision bf16 --out runs/resnet50
    python -m eval.classification FILE.safetensors --model resnet20 --args '{"padding": "both"}' \\
        --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --benchmark cifar10_jpeg/test --data DIR
    accelerate launch --num_processes 2 -m eval.classification ...

Prints one JSON record. With --out, predictions are kept as they come: killed and run again, by any
number of processes, it resumes and writes the same record but for the times.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from eval.data import open_source
from eval.record import (
    add_options,
    find_protocol,
    measure,
    pinned_sha256,
    required_model,
    run_script,
)
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
    """Return the network, its preprocessing, and the sha256 of its weights."""
    path = Path(options.weights)
    if path.suffix != ".safetensors":
        model = create(options.weights, pretrained=True)
        return model, dict(pretrained_cfg(model)), pinned_sha256(model)
    model = create(required_model(options), **json.loads(options.args))
    state = safetensors.torch.load_file(path)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    check_keys(str(path), shapes, state)
    model.load_state_dict(state, strict=True)
    normalisation = {"mean": options.mean, "std": options.std}
    cfg = pretrained_cfg(model) | {key: value for key, value in normalisation.items() if value}
    return model, cfg, file_sha256(path)


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    model, cfg, sha256 = load(options)
    crops = find_protocol(CropProtocol, options.protocol) if options.protocol else None
    columns = options.image_column, options.label_column
    source = open_source(options.benchmark, options.split, columns, options.data)
    if source.note and group.is_main:
        print(source.note, file=sys.stderr)
    key = {
        "sha256": sha256,
        "benchmark": source.name,
        "benchmark_version": source.version,
        "protocol": describe_preprocessing(cfg, crops),
    }
    evaluator = ClassificationEvaluator(model, source.samples, make_transform(cfg, crops))
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument(
        "--benchmark", required=True, help="a benchmark, a Hub data set, a file or a folder"
    )
    parser.add_argument("--split", default="", help="split of a Hub data set; else validation")
    parser.add_argument("--image-column", default="", help="column of the images")
    parser.add_argument("--label-column", default="", help="column of the labels")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    parser.add_argument("--args", default="{}", help="arguments of --model, as JSON")
    parser.add_argument("--mean", type=float, nargs="+", help="normalisation of a file's network")
    parser.add_argument("--std", type=float, nargs="+", help="normalisation of a file's network")
    parser.add_argument("--eager", action="store_true", help="fold no BatchNorm, channels first")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
