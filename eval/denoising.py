"""Evaluate a denoising network on any images, on any number of processes.

    python -m eval.denoising dncnn_tiny.zoo_train400 --benchmark photos/sigma25
    python -m eval.denoising dncnn_s.safetensors --model dncnn_s --benchmark set12/sigma25 \\
        --data DIR
    python -m eval.denoising NAME --benchmark DIR_OF_IMAGES --sigma 25 [--seed 1] [--unrounded]
    accelerate launch --num_processes 2 -m eval.denoising ...

Prints one JSON record: PSNR and SSIM of each image and their means. Noise is of one seed for each
image, neither clipped nor rounded. With --out a killed run resumes.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from eval.record import add_options, find_protocol, load_network, measure, run_script
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.contents import files_digest
from zoo.data.denoising import Images
from zoo.data.super_resolution import images_in
from zoo.distributed import ProcessGroup
from zoo.evaluation.evaluators.denoising import DenoisingEvaluator, degradation, noisy
from zoo.papers.protocols import DenoisingProtocol, to_record


def open_images(
    options: argparse.Namespace, protocol: DenoisingProtocol
) -> tuple[Any, Any, str | int]:
    """Return the images, what degrades them, and the version of the benchmark.

    Raises:
        ValueError: There is no such benchmark, or no image in the folder.
        DatasetNotFoundError: The benchmark's data is not there.
    """
    benchmark = BENCHMARKS.get(options.benchmark)
    if benchmark and benchmark.task == "denoising":
        return benchmark.open(options.data), degradation(benchmark, protocol), benchmark.version
    if not options.sigma or not (files := images_in(Path(options.benchmark))):
        name = options.benchmark
        raise ValueError(f"{name} is no benchmark of denoising: name a folder, and --sigma")
    version = f"sigma {options.sigma:g}, sha256 {files_digest(files)[:16]}"
    return Images(files), partial(noisy, sigma=options.sigma, protocol=protocol), version


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    protocol = DenoisingProtocol(seed=options.seed, rounded=not options.unrounded)
    if options.protocol:
        protocol = find_protocol(DenoisingProtocol, options.protocol)
    images, degrade, version = open_images(options, protocol)
    model, sha256 = load_network(options, "denoising")
    key = {
        "sha256": sha256,
        "benchmark": options.benchmark,
        "benchmark_version": version,
        "protocol": to_record(protocol),
    }
    evaluator = DenoisingEvaluator(model, images, protocol, degrade)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--benchmark", required=True, help="a benchmark, or a folder of images")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    parser.add_argument("--sigma", type=float, default=0.0, help="noise of a folder, of 0..255")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--unrounded", action="store_true", help="score outputs without rounding")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
