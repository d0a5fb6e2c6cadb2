"""i-RevNet: Deep Invertible Networks, Jacobsen, Smeulders and Oyallon, 1802.07088.

image -> psi -> stage -> ... -> stage -> BN ReLU -> average -> fc
                                  |
image <- psi^-1 <- stage^-1 <- ...+       `inverse`: nothing is lost before the average

Stages halve the image without losing a pixel (blocks.py). With gradient checkpointing no
activations are kept but the outputs of stages.
"""

from collections.abc import Collection, Sequence
from itertools import accumulate
from operator import mul
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.i_revnet.blocks import Stage, Stem
from zoo.modules.classifier import Classifier, Head
from zoo.modules.reversible import run_reversibly


class Invertible(Classifier):
    """Stages of `blocks` each and of the `strides`, on a stem of `c_in` channels in each half."""

    def __init__(
        self,
        in_chans: int,
        c_in: int,
        *,
        block: int,
        blocks: Sequence[int],
        strides: Sequence[int],
        dropout: float,
        head: Head,
    ) -> None:
        if not blocks or min(blocks) < 1:
            raise ValueError(f"blocks must be 1 or more in each stage, not {blocks}")
        reductions = [*accumulate(strides, mul, initial=block)][1:]
        self.reductions = reductions
        stem, stages = Stem(in_chans, 2 * c_in, block, reductions[-1]), {}
        for i, (depth, stride) in enumerate(zip(blocks, strides, strict=True)):
            stages[f"stages.{i}"] = stage = Stage(c_in, depth, stride, dropout, first=not i)
            c_in = stage.c_out // 2
        norm = nn.BatchNorm2d(2 * c_in, momentum=0.9)
        super().__init__(
            stem={"stem": stem},
            pool=nn.Identity(),
            stages=stages,
            tail={"bn": norm, "act": nn.ReLU(inplace=True)},
            head=head,
            features=list(stages),
        )

    def _features(self, names: Collection[str]) -> list[dict[str, Any]]:
        return [
            {"num_chs": self.get_submodule(name).c_out, "reduction": reduction, "module": name}
            for name, reduction in zip(names, self.reductions, strict=True)
        ]

    def forward_stage(self, name: str, x: Tensor) -> Tensor:
        """Run one stage, undone in the backward pass with gradient checkpointing."""
        stage = self.get_submodule(name)
        return stage(x, run_reversibly) if self.grad_checkpointing and self.training else stage(x)

    @torch.no_grad()
    def inverse(self, z: Tensor) -> Tensor:
        """Return the images of which the last stage made `z`.

        Args:
            z: The last of `forward_intermediates`, (B, C, h, w).

        Returns:
            (B, in_chans, H, W); H and W are multiples of the last reduction: zeros at the end were
            added to other images.

        Example:
            >>> network = zoo.create("irevnet163").eval()
            >>> images = torch.rand(1, 3, 32, 32)
            >>> _, features = network.forward_intermediates(images)
            >>> torch.allclose(network.inverse(features[-1]), images, atol=1e-4)
            True
        """
        for name in (*reversed(self.stage_names), *self.stem_names):
            part: Any = self.get_submodule(name)
            z = part.inverse(z)
        return z

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As torch does, as in the authors' code."""


class IRevNet(Invertible):
    """(B, in_chans, 224, 224) -> (B, num_classes), bijective.

    Each half of the first stage has 8 in_chans channels; a stage has four times those before it.
    """

    def __init__(
        self,
        *,
        blocks: Sequence[int],
        dropout: float = 0.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            in_chans,
            2 * in_chans,
            block=2,
            blocks=blocks,
            strides=[2] * len(blocks),
            dropout=dropout,
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarIRevNet(Invertible):
    """(B, in_chans, 32, 32) -> (B, num_classes), injective.

    Channels of zeros are added to the image until each half has `width`.
    """

    def __init__(
        self,
        *,
        blocks: Sequence[int],
        width: int = 16,
        dropout: float = 0.0,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            in_chans,
            width,
            block=1,
            blocks=blocks,
            strides=[1, *(2 for _ in blocks[1:])],
            dropout=dropout,
            head=Head(num_classes, global_pool, drop_rate),
        )
