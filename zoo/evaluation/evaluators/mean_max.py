"""Mean-max pooling of 1707.01629 (Appendix A): classes of all places of an image, pooled.

features -> average over each place -> classifier, as a 1x1 convolution -> (mean + maximum) / 2
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 32  # pixels per position of the features


class MeanMaxPooling(nn.Module):
    """A classifier at a larger size: a place is what one crop of `trained_at` pixels shows.

    (B, 3, H, W) -> (B, classes), and as the network itself does at `trained_at` pixels.
    """

    def __init__(self, network: nn.Module, trained_at: int) -> None:
        super().__init__()
        self.network, self.place = network, trained_at // STRIDE
        self.num_classes = int(vars(network)["num_classes"])
        self.pretrained_cfg = getattr(network, "pretrained_cfg", {})

    def forward(self, x: Tensor) -> Tensor:
        network: Any = self.network
        features = network.forward_features(x)
        places = F.avg_pool2d(features, self.place, 1)
        last = network.get_classifier()
        weight = last.weight.reshape(*last.weight.shape[:2], 1, 1)  # of a linear layer too
        classes = F.conv2d(places, weight, last.bias)
        return (classes.mean((2, 3)) + classes.amax((2, 3))) / 2
