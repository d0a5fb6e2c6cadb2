"""Images in, PSNR and SSIM of what a network makes of them with noise out.

image -> + noise -> network -> clipped, rounded -> against the image -> (index, name, PSNR, SSIM)
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.benchmarks.denoising import compare, noisy
from zoo.benchmarks.scores import Score
from zoo.details import Denoising
from zoo.evaluation.engine import Answers, side_by_side
from zoo.evaluation.enlargements import means
from zoo.evaluation.how import How
from zoo.evaluation.log import Entry
from zoo.evaluation.samples import BrokenError, read, where


class Restorations:
    """A network that takes noise of a strength `sigma` away, and images, by a protocol."""

    batch_size = 1

    def __init__(self, network: nn.Module, samples: Any, protocol: Denoising, sigma: float) -> None:
        self.network, self.samples, self.protocol, self.sigma = network, samples, protocol, sigma
        self.size = len(samples)
        self.channels = vars(network)["pretrained_cfg"]["input_size"][0]

    def ready(self, device: torch.device, how: How) -> None:
        """Puts the network where it runs."""
        self.device, layout = device, None if how.eager else torch.channels_last
        network = self.network.to(device).eval()
        self.network = network.to(memory_format=layout) if layout else network
        self.cast = torch.autocast(device.type, how.dtype, enabled=how.precision != "fp32")

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return side_by_side(indices, size)

    def load(self, index: int) -> Any:
        """An image. Raises BrokenError for one of other channels than the network takes."""
        clean = read(self.samples, index)
        channels = 1 if clean.pixels.ndim == 2 else clean.pixels.shape[2]
        if channels != self.channels:
            at = where(self.samples, index)
            raise BrokenError(f"{at} has {channels} channels; the network takes {self.channels}")
        return clean

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Entry]:
        for index, clean in batch:
            yield index, clean.name, *self._score(clean.pixels)

    def _score(self, clean: Any) -> Score:
        shown = noisy(clean, self.sigma, self.protocol.seed).reshape(*clean.shape[:2], -1)
        x = torch.from_numpy(shown.transpose(2, 0, 1))[None].to(self.device)
        with self.cast:
            found = self.network(x)[0].double().cpu().numpy()
        pixels = (255 * found.transpose(1, 2, 0)).clip(0, 255).reshape(clean.shape)
        return compare(np.floor(pixels + 0.5) if self.protocol.rounded else pixels, clean)

    def scores(self, found: Answers) -> dict[str, Any]:
        return means(found)
