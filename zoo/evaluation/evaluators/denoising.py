"""Images in, PSNR and SSIM of what a network makes of them with noise out.

image -> + noise -> network -> clipped, rounded -> against the image -> (index, name, PSNR, SSIM)
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.data.denoising import add_noise
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Predictions, batched
from zoo.evaluation.evaluators.super_resolution import summarize
from zoo.evaluation.metrics import PsnrSsim, psnr_ssim_all_channels
from zoo.evaluation.samples import UnreadableSampleError, read_sample, sample_name
from zoo.papers.protocols import DenoisingProtocol


class DenoisingEvaluator:
    """A network that takes noise of a strength `sigma` away, and images, by a protocol."""

    batch_size = 1

    def __init__(
        self, network: nn.Module, samples: Any, protocol: DenoisingProtocol, sigma: float
    ) -> None:
        self.network, self.samples, self.protocol, self.sigma = network, samples, protocol, sigma
        self.size = len(samples)
        self.channels = vars(network)["pretrained_cfg"]["input_size"][0]

    def ready(self, device: torch.device, how: EvalConfig) -> None:
        """Puts the network where it runs."""
        self.device, layout = device, None if how.eager else torch.channels_last
        network = self.network.to(device).eval()
        self.network = network.to(memory_format=layout) if layout else network
        self.cast = torch.autocast(device.type, how.dtype, enabled=how.precision != "fp32")

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def load(self, index: int) -> Any:
        """An image. Raises BrokenError for one of other channels than the network takes."""
        clean = read_sample(self.samples, index)
        channels = 1 if clean.pixels.ndim == 2 else clean.pixels.shape[2]
        if channels != self.channels:
            at = sample_name(self.samples, index)
            raise UnreadableSampleError(
                f"{at} has {channels} channels; the network takes {self.channels}"
            )
        return clean

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]:
        for index, clean in batch:
            yield index, clean.name, *self._score(clean.pixels)

    def _score(self, clean: Any) -> PsnrSsim:
        shown = add_noise(clean, self.sigma, self.protocol.seed).reshape(*clean.shape[:2], -1)
        x = torch.from_numpy(shown.transpose(2, 0, 1))[None].to(self.device)
        with self.cast:
            found = self.network(x)[0].double().cpu().numpy()
        pixels = (255 * found.transpose(1, 2, 0)).clip(0, 255).reshape(clean.shape)
        return psnr_ssim_all_channels(
            np.floor(pixels + 0.5) if self.protocol.rounded else pixels, clean
        )

    def scores(self, found: Predictions) -> dict[str, Any]:
        return summarize(found)
