"""Images that the authors published as their network's output: scored, no network is run.

DATA/<folder>/*.png, pairs of a benchmark -> (index, name, PSNR, SSIM)
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.data.contents import files_digest
from zoo.data.super_resolution import images_in, read_image
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch
from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator, as_rgb
from zoo.evaluation.metrics import psnr_ssim
from zoo.papers.protocols import SuperResolutionProtocol


def folder_digest(folder: Path) -> str:
    """Return the sha256 over names and bytes of a folder's images; "" if there are none."""
    files = images_in(folder)
    return files_digest(files) if files else ""


class PublishedImagesEvaluator(SuperResolutionEvaluator):
    """The images of a folder against the pairs of a benchmark, matched by name."""

    takes_backend = False

    def __init__(
        self, folder: Path, pairs: Any, protocol: SuperResolutionProtocol, scale: int
    ) -> None:
        super().__init__(nn.Identity(), pairs, protocol, scale)
        self.folder, self.files = folder, {file.stem: file for file in images_in(folder)}

    def contents(self) -> str:
        """Return the sha256 of the pairs and of the published images."""
        return f"{super().contents()} {folder_digest(self.folder)}"

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        """Do nothing: no network is run."""

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        for index, pair in batch:
            output = as_rgb(read_image(self.files[pair.name]))
            yield index, pair.name, *psnr_ssim(output, as_rgb(pair.large), self.scale)
