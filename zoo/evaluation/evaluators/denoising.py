"""Denoising: PSNR and SSIM of what a network makes of a noisy image.

image -> + noise -> network -> clipped, rounded -> against the image -> (index, name, PSNR, SSIM)
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.data.denoising import CleanImage, add_noise
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions, batched
from zoo.evaluation.evaluators.super_resolution import summarize
from zoo.evaluation.metrics import PsnrSsim, psnr_ssim_all_channels
from zoo.evaluation.samples import (
    NonFiniteOutputError,
    UnreadableSampleError,
    read_sample,
    sample_name,
)
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import DenoisingProtocol


class DenoisingEvaluator:
    """A denoiser on clean images that get noise of standard deviation `sigma` (in 0..255)."""

    batch_size = 1

    def __init__(
        self, network: nn.Module, samples: Any, protocol: DenoisingProtocol, sigma: float
    ) -> None:
        self.network, self.samples, self.protocol, self.sigma = network, samples, protocol, sigma
        self.size = len(samples)
        self.channels = pretrained_cfg(network)["input_size"][0]

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        self.device = device
        self.network = self.network.to(device).eval()
        if not config.eager:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.autocast = torch.autocast(
            device.type, config.dtype, enabled=config.precision != "fp32"
        )

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def load(self, index: int) -> CleanImage:
        """Return a clean image. Raises UnreadableSampleError for other channels."""
        clean: CleanImage = read_sample(self.samples, index)
        channels = 1 if clean.pixels.ndim == 2 else clean.pixels.shape[2]
        if channels != self.channels:
            raise UnreadableSampleError(
                f"{sample_name(self.samples, index)} has {channels} channels; "
                f"the network takes {self.channels}"
            )
        return clean

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        for index, clean in batch:
            yield index, clean.name, *self._score(clean)

    def _score(self, image: CleanImage) -> PsnrSsim:
        clean = image.pixels
        noisy = add_noise(clean, self.sigma, self.protocol.seed).reshape(*clean.shape[:2], -1)
        x = torch.from_numpy(noisy.transpose(2, 0, 1))[None].to(self.device)
        with self.autocast:
            y = self.network(x)[0].double().cpu().numpy()
        if not np.isfinite(y).all():
            raise NonFiniteOutputError(image.name)
        output = (255 * y.transpose(1, 2, 0)).clip(0, 255).reshape(clean.shape)
        if self.protocol.rounded:
            output = np.floor(output + 0.5)
        return psnr_ssim_all_channels(output, clean)

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        return summarize(predictions)
