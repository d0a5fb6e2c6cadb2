"""Trunk depth, stored numbers, and shares of ResNet-200's (abstract of 1704.06904)."""

from torch import nn

from zoo.models._builder import build_model
from zoo.models._registry import get_entry, stored_counts
from zoo.papers.records import Claim

BESIDE = (".hourglass.", ".mask.", ".downsample")  # of the trunk


def depth_of(model: str) -> int:
    """Return the convolutions of the trunk, and the classifier."""
    layers = build_model(model, device="meta").named_modules()
    convs = [name for name, module in layers if isinstance(module, nn.Conv2d)]
    return sum(not any(part in name for part in BESIDE) for name in convs) + 1


def trunk_depth(claim: Claim) -> tuple[None, int]:
    """Return the depth that a name such as Attention-56 has."""
    return None, depth_of(claim.model)


def stored(claim: Claim) -> tuple[None, int]:
    """Return the parameters with BatchNorm's means and variances, as a file has them."""
    state = build_model(claim.model, device="meta").state_dict()
    return None, sum(tensor.numel() for tensor in state.values() if tensor.dim())


def share_of_depth(claim: Claim) -> tuple[None, float]:
    """Return the trunk's depth in percent of the other network's."""
    return None, 100 * depth_of(claim.model) / stored_counts(get_entry(claim.than))["depth"]


def share_of_macs(claim: Claim) -> tuple[None, float]:
    """Return the multiply-adds in percent of the other network's."""
    ours, theirs = (stored_counts(get_entry(name))["macs"] for name in (claim.model, claim.than))
    return None, 100 * ours / theirs
