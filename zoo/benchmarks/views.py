"""An image -> what a paper's protocol shows of it -> one answer.

View(shorter, pixels, crops) of paper.toml: resized, cropped once, ten times or not at all; the
softmax scores of all that a network sees of an image are averaged (1512.03385, Sec. 3.4).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torchvision.transforms.v2.functional as F
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode

from zoo.details import View


class Views:
    """PIL image -> the tensors that a protocol shows, each (crops, C, H, W), float32, normalised.

    `cfg` is the pretrained_cfg of the weights, whose mean and standard deviation hold.
    """

    def __init__(self, view: View, cfg: Mapping[str, Any]) -> None:
        self.view, self.mean, self.std = view, list(cfg["mean"]), list(cfg["std"])

    def __call__(self, image: Image.Image) -> list[Tensor]:
        return [self.at(image.convert("RGB"), shorter) for shorter in self.view.shorter]

    def at(self, image: Image.Image, shorter: int) -> Tensor:
        """What is shown at one size."""
        mode = InterpolationMode(self.view.interpolation)
        resized = F.resize(image, [shorter], mode, antialias=True)
        size = [self.view.pixels, self.view.pixels]
        cut: Mapping[str, Callable[[], Sequence[Any]]] = {
            "center": lambda: [F.center_crop(resized, size)],
            "ten": lambda: F.ten_crop(resized, size),
            "whole": lambda: [resized],
        }
        crops = cut[self.view.crops]()
        shown = torch.stack([F.to_dtype(F.to_image(crop), scale=True) for crop in crops])
        normalised: Tensor = F.normalize(shown, self.mean, self.std)
        return normalised


def answers(model: nn.Module, shown: Sequence[list[Tensor]]) -> Tensor:
    """Scores of a batch of images, (B, classes): the mean over all that is shown of each.

    A tensor of one crop alone keeps its logits, whose order is that of its softmax.
    """
    if all(len(tensors) == 1 and len(tensors[0]) == 1 for tensors in shown):
        logits: Tensor = model(torch.cat([tensors[0] for tensors in shown]))
        return logits.float()
    return torch.stack(
        [torch.cat([model(t).float().softmax(1) for t in tensors]).mean(0) for tensors in shown]
    )
