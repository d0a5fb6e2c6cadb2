"""Savings of DPN-98 over ResNeXt-101 64x4d, in percent (abstract of 1707.01629)."""

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry
from zoo.papers.records import Claim

MEBIBYTES = {"dpn98": 236, "resnext101_64x4d": 320}  # Table 2
FLOPS = {"dpn98": 11.7, "resnext101_64x4d": 15.5}  # Tables 1 and 2


def smaller(claim: Claim) -> tuple[float, float]:
    """Return the saving by printed file sizes, and by parameters and statistics as built."""
    model, than = claim.model, claim.than
    stored = [
        sum(tensor.numel() for tensor in build_model(name, device="meta").state_dict().values())
        for name in (model, than)
    ]
    return saving(MEBIBYTES[model], MEBIBYTES[than]), saving(*stored)


def cheaper(claim: Claim) -> tuple[float, float]:
    """Return the saving by printed FLOPs, and by multiply-adds as built."""
    model, than = claim.model, claim.than
    macs = [
        count_complexity(build_model(name, device="meta"), get_entry(name).cfg["input_size"]).macs
        for name in (model, than)
    ]
    return saving(FLOPS[model], FLOPS[than]), saving(*macs)


def saving(cost: float, baseline: float) -> float:
    """Return the saving in percent of the baseline."""
    return 100 * (1 - cost / baseline)
