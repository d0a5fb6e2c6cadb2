"""A classifier whose head is a LayerNorm after the pooling, as ConvNeXt's (2201.03545).

features -> average -> LayerNorm -> fc -> logits           keys: head.norm, head.fc, as in timm
"""

from functools import partial
from typing import ClassVar

import torch
from timm.layers import ClassifierHead, LayerNorm2d, NormMlpClassifierHead
from torch import Tensor, nn

from zoo.modules.classifier import Classifier


def reset_head(
    head: ClassifierHead | NormMlpClassifierHead, num_classes: int, global_pool: str | None = None
) -> None:
    """Replace the last layer of a head of timm's, on the same device and of the same type.

    timm's own `reset` forgot both for a while.
    """
    like = next(head.parameters(), torch.empty(0))
    with like.device:
        head.reset(num_classes, global_pool)
    head.to(like.dtype)


class NormClassifier(Classifier):
    """Features -> mean -> LayerNorm -> fc: (B, num_features, H, W) -> (B, num_classes)."""

    epsilon: ClassVar[float] = 1e-6  # of the norm
    head: NormMlpClassifierHead | ClassifierHead

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> mean -> LayerNorm -> (B, num_classes), or fc's input if `pre_logits`."""
        return self.head(x, pre_logits)

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """Return the last layer, or its name."""
        return "head.fc" if name_only else self.head.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer, not the norm.

        0 classes give Identity, `global_pool=''` no pooling. Raises ValueError for a pooling that
        changes the number of channels.
        """
        if global_pool and global_pool.endswith("catavgmax"):
            raise ValueError(f"global_pool must be avg, max, avgmax or '', not {global_pool!r}")
        self.num_classes, self.head_hidden_size = num_classes, self.num_features
        if hasattr(self, "head"):
            reset_head(self.head, num_classes, global_pool)
            return
        self.head = NormMlpClassifierHead(
            self.num_features,
            num_classes,
            pool_type=global_pool or "",
            drop_rate=self.drop_rate,
            norm_layer=partial(LayerNorm2d, eps=self.epsilon),
        )

    def drop_head(self) -> None:
        self.num_classes = 0
        self.head = ClassifierHead(self.num_features, 0, pool_type="")
