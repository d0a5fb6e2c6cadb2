"""What a network has, counted from itself: parameters, multiply-adds, layers. Needs no weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Counts:
    """macs: multiply-adds of convolutions and matrix products for one input; depth: weighted
    layers on the main path, without what a module says is `beside` it (by name: "downsample" if it
    says nothing); convolutions: all of them, projections included."""

    params: int
    macs: int
    depth: int
    convolutions: int


def count(model: nn.Module, input_size: Sequence[int]) -> Counts:
    """Counts of `model` at `input_size`: (C, H, W), or (T,) for a language model. A model on the
    meta device costs no memory."""
    device = next((parameter.device for parameter in model.parameters()), "cpu")
    kind = torch.float32 if len(input_size) > 1 else torch.long
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model.eval()(torch.empty(1, *input_size, device=device, dtype=kind))
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    beside = {
        layer
        for module in model.modules()
        for name, child in module.named_children()
        if name in getattr(module, "beside", ("downsample",))
        for layer in child.modules()
    }
    return Counts(
        params=sum(parameter.numel() for parameter in model.parameters()),
        macs=flops.get_total_flops() // 2,
        depth=sum(layer not in beside for layer in layers),
        convolutions=sum(isinstance(layer, nn.Conv2d) for layer in layers),
    )
