"""Denoising: PSNR and SSIM of what a network makes of a degraded image.

image -> + noise                               -> network -> against the image  (sigma)
      -> Y, whole values, JPEG                 -> network -> against that Y     (quality)
      -> small image, upscaled, Y, not rounded -> network -> against Y          (scale)
                                                          -> (index, name, PSNR, SSIM)

As Demo_test_DnCNN3.m of the authors of 1608.03981 does it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.data.benchmarks import Benchmark
from zoo.data.denoising import CleanImage, add_noise, compress
from zoo.data.imresize import Pixels, imresize, round_to_uint8
from zoo.data.super_resolution import Pair
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.evaluators.super_resolution import summarize
from zoo.evaluation.metrics import PsnrSsim, luma, psnr_ssim_all_channels
from zoo.evaluation.samples import (
    NonFiniteOutputError,
    UnreadableSampleError,
    read_sample,
    sample_name,
)
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import DenoisingProtocol

BORDER = "symmetric"  # of imresize; published small images are of older releases of MATLAB


class DegradedImage(NamedTuple):
    """An image as the network gets it, and as it should be: (H, W), or (H, W, 3) in colour."""

    name: str
    pixels: NDArray[np.float32]  # in 0..1, with noise beyond
    clean: Pixels  # in 0..255; uint8, or float64 of which the output is not rounded
    shave: int = 0  # pixels at each edge that are not scored


def noisy(image: CleanImage, sigma: float, protocol: DenoisingProtocol) -> DegradedImage:
    """Add noise of standard deviation `sigma`, of pixels in 0..255."""
    pixels = add_noise(image.pixels, sigma, protocol.seed, protocol.generator)
    return DegradedImage(image.name, pixels, image.pixels)


def compressed(image: CleanImage, quality: int) -> DegradedImage:
    """Compress Y of an image, rounded as MATLAB's rgb2ycbcr rounds it, as JPEG."""
    clean = round_to_uint8(luma(image.pixels))
    pixels = compress(clean, quality).astype(np.float32) / np.float32(255)
    return DegradedImage(image.name, pixels, clean)


def upscaled(pair: Pair, scale: int) -> DegradedImage:
    """Shrink an image to whole values, enlarge it again, and take Y of both; see BORDER.

    In colour no upscaled value is rounded. A grey image stays in whole values, and is Y itself.
    """
    small = imresize(pair.large, 1 / scale, BORDER)
    large = imresize(small if small.ndim == 2 else small.astype(np.float64), scale, BORDER)
    pixels = (luma(large) / 255).astype(np.float32)
    return DegradedImage(pair.name, pixels, luma(pair.large), shave=scale)


def degradation(
    benchmark: Benchmark, protocol: DenoisingProtocol
) -> Callable[[Any], DegradedImage]:
    """Return how a benchmark degrades its samples."""
    if benchmark.scale:
        return partial(upscaled, scale=benchmark.scale)
    if benchmark.quality:
        return partial(compressed, quality=benchmark.quality)
    return partial(noisy, sigma=benchmark.sigma, protocol=protocol)


class DenoisingEvaluator(NetworkEvaluator):
    """A denoiser on samples that `degrade` degrades."""

    batch_size = 1

    def __init__(
        self,
        network: nn.Module,
        samples: Any,
        protocol: DenoisingProtocol,
        degrade: Callable[[Any], DegradedImage],
    ) -> None:
        self.network, self.samples, self.protocol, self.degrade = (
            network,
            samples,
            protocol,
            degrade,
        )
        self.size = len(samples)
        self.channels = pretrained_cfg(network)["input_size"][0]

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        super().prepare(device, config)
        if not config.eager:
            self.network = self.network.to(memory_format=torch.channels_last)

    def load(self, index: int) -> DegradedImage:
        """Return a degraded image. Raises UnreadableSampleError for other channels."""
        degraded = self.degrade(read_sample(self.samples, index))
        channels = 1 if degraded.pixels.ndim == 2 else degraded.pixels.shape[2]
        if channels != self.channels:
            raise UnreadableSampleError(
                f"{sample_name(self.samples, index)} has {channels} channels; "
                f"the network takes {self.channels}"
            )
        return degraded

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        for index, degraded in batch:
            yield index, degraded.name, *self._score(degraded)

    def _score(self, degraded: DegradedImage) -> PsnrSsim:
        clean = degraded.clean
        planes = degraded.pixels.reshape(*clean.shape[:2], -1).transpose(2, 0, 1)
        x = torch.from_numpy(np.ascontiguousarray(planes))[None].to(self.device)
        with self.autocast:
            y = self.network(x)[0].cpu().double().numpy()
        if not np.isfinite(y).all():
            raise NonFiniteOutputError(degraded.name)
        output = 255 * y.transpose(1, 2, 0).reshape(clean.shape)
        if self.protocol.rounded and clean.dtype == np.uint8:
            output = round_to_uint8(output)
        inner = (slice(degraded.shave, -degraded.shave or None),) * 2
        return psnr_ssim_all_channels(output[inner], clean[inner])

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        return summarize(predictions)
