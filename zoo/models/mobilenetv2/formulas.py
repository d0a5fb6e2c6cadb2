"""Parameters as the paper and the authors' README count them (1801.04381)."""

from torch import nn

from zoo.models._builder import build_model
from zoo.papers.records import Claim


def without_norm(claim: Claim) -> tuple[None, int]:
    """Return the parameters as built, but for the scales and shifts of BatchNorm."""
    network = build_model(claim.model, device="meta", **claim.args)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    norm = sum(parameter.numel() for module in norms for parameter in module.parameters())
    return None, sum(parameter.numel() for parameter in network.parameters()) - norm
