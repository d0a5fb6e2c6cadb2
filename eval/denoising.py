"""Any network that takes noise from images, on any images, on any number of processes.

    python -m eval.denoising dncnn_tiny.zoo_train400 --on photos/sigma25
    python -m eval.denoising dncnn_s.safetensors --model dncnn_s --on set12/sigma25 --data DIR
    python -m eval.denoising NAME --on DIR_OF_IMAGES --sigma 25 [--seed 1] [--unrounded]
    accelerate launch --num_processes 2 -m eval.denoising ...

Prints one JSON record: PSNR and SSIM of each image and their means. Noise is of one seed for each
image, neither clipped nor rounded. With --out a killed run goes on where it was.
"""

import argparse
from pathlib import Path
from typing import Any

from torch import nn

from eval.record import add_options, called, measured, pinned, protocol, run_script
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.denoising import Images, sigma
from zoo.data.super_resolution import images_in
from zoo.distributed import ProcessGroup
from zoo.evaluation.evaluators.denoising import DenoisingEvaluator
from zoo.evaluation.spec import to_json
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.models._sources import load_file
from zoo.papers.protocols import DenoisingProtocol, to_record


def load(options: argparse.Namespace) -> tuple[nn.Module, str]:
    """The network and the sha256 of its weights. Raises ValueError for one of another task."""
    path = Path(options.weights)
    file = path.suffix == ".safetensors"
    if file and not options.model:
        raise ValueError(f"{path} needs --model, the architecture that it is of")
    name = options.model if file else options.weights
    if parse_name(name)[0].task != "denoising":
        raise ValueError(f"{name} takes no noise from images; `zoo list --task denoising`")
    if file:
        return load_file(name, path), file_sha256(path)
    model = create(name, pretrained=True)
    return model, pinned(model)


def open_images(options: argparse.Namespace) -> tuple[Any, float]:
    """The images that the options ask for, and the strength of their noise. Raises ValueError,
    NoDataError."""
    benchmark = BENCHMARKS.get(options.on)
    if benchmark and benchmark.task == "denoising":
        return benchmark.open(options.data), sigma(options.on)
    if not options.sigma or not (files := images_in(Path(options.on))):
        raise ValueError(f"{options.on} is no benchmark of noise: name a folder, and --sigma")
    return Images(files), options.sigma


def evaluate(options: argparse.Namespace, world: ProcessGroup) -> dict[str, Any]:
    """The record of one evaluation, equal on every process but for the times."""
    how = DenoisingProtocol(seed=options.seed, rounded=not options.unrounded)
    if options.protocol:
        how = protocol(DenoisingProtocol, options.protocol)
    images, strength = open_images(options)
    model, digest = load(options)
    benchmark = BENCHMARKS.get(options.on)
    key = {
        **called(options.weights, model),
        "sha256": digest,
        "benchmark": options.on,
        "benchmark_version": benchmark.version if benchmark else f"sigma {strength:g}",
        "protocol": to_json(to_record(how)),
    }
    return measured(DenoisingEvaluator(model, images, how, strength), key, options, world)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="a network, arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", required=True, help="a benchmark, or a folder")
    parser.add_argument("--sigma", type=float, default=0.0, help="of a folder's noise, of 0..255")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--unrounded", action="store_true", help="scores values as they are")
    parser.add_argument("--data", type=Path, help="folder of the zoo's benchmarks")
    add_options(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
