"""Denoising networks on any images: noise of one seed for each, neither clipped nor rounded."""

from functools import partial
from pathlib import Path
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.contents import files_digest
from zoo.data.denoising import Images
from zoo.data.super_resolution import images_in
from zoo.evaluation.custom.networks import Network
from zoo.evaluation.custom.request import DataError, Request, Samples, find_protocol
from zoo.evaluation.evaluators.denoising import DenoisingEvaluator, degradation, noisy
from zoo.papers.protocols import DenoisingProtocol, to_record


def open_samples(request: Request, network: Network) -> Samples:
    """Return an evaluator of a denoiser. Raises DataError, or DatasetNotFoundError."""
    protocol = DenoisingProtocol(seed=request.noise_seed, rounded=not request.unrounded)
    if request.protocol:
        protocol = find_protocol(DenoisingProtocol, request.protocol)
    version: str | int
    images: Any
    if benchmark := BENCHMARKS.get(request.benchmark):
        images, version = benchmark.open(request.data), benchmark.version
        degrade: Any = degradation(benchmark, protocol)
    else:
        files = images_in(Path(request.benchmark))
        if not (request.sigma and files):
            name = request.benchmark
            raise DataError(f"{name} is no benchmark of denoising: name a folder, and --sigma")
        images = Images(files)
        version = f"sigma {request.sigma:g}, sha256 {files_digest(files)[:16]}"
        degrade = partial(noisy, sigma=request.sigma, protocol=protocol)
    evaluator = DenoisingEvaluator(network.module, images, protocol, degrade)
    return Samples(evaluator, request.benchmark, version, to_record(protocol))
