"""Multiply-adds as the authors' code has them: counted by thop, one of before 0.1.0."""

from typing import Any

import torch
from torch import nn

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry
from zoo.papers.records import Claim

NORM, ENLARGE = 2, 11  # for each number that BatchNorm and bilinear upsampling return


def thop(claim: Claim) -> tuple[None, int]:
    """Return multiply-adds, and what thop adds for BatchNorm, upsampling and biases."""
    network = build_model(claim.model, device="meta", **claim.args)
    size, added = get_entry(claim.model).cfg["input_size"], 0

    def add(module: Any, _: Any, output: torch.Tensor) -> None:
        nonlocal added
        weight = {nn.BatchNorm2d: NORM, nn.Upsample: ENLARGE}.get(type(module))
        added += output.numel() * (int(module.bias is not None) if weight is None else weight)

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.Upsample | nn.Conv2d):
            module.register_forward_hook(add)
    return None, count_complexity(network, size).macs + added
