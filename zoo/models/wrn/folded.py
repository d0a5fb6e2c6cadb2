"""BatchNorm in the convolution before it, as the authors publish WRN-50-2 for PyTorch."""

from itertools import pairwise

import torch
from torch import nn


def fold_norms(network: nn.Module) -> None:
    """Replace each BatchNorm after a convolution by a bias, 0, of the convolution."""
    for module in list(network.modules()):
        for (_, conv), (name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                conv.bias = nn.Parameter(torch.zeros(norm.num_features))
                setattr(module, name, nn.Identity())
