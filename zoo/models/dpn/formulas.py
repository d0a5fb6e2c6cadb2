"""How much less DPN-98 is than ResNeXt-101 64x4d, in percent (abstract of 1707.01629)."""

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry

MEBIBYTES = {"dpn98": 236, "resnext101_64x4d": 320}  # Table 2
FLOPS = {"dpn98": 11.7, "resnext101_64x4d": 15.5}  # Tables 1 and 2


def smaller(model: str, than: str) -> tuple[float, float]:
    """By the printed sizes of files; of parameters and running statistics as built."""
    stored = [
        sum(tensor.numel() for tensor in build_model(name, device="meta").state_dict().values())
        for name in (model, than)
    ]
    return less(MEBIBYTES[model], MEBIBYTES[than]), less(*stored)


def cheaper(model: str, than: str) -> tuple[float, float]:
    """By the printed FLOPs; of multiply-adds as built."""
    macs = [
        count_complexity(build_model(name, device="meta"), get_entry(name).cfg["input_size"]).macs
        for name in (model, than)
    ]
    return less(FLOPS[model], FLOPS[than]), less(*macs)


def less(one: float, other: float) -> float:
    """How much less one is, in percent of the other."""
    return 100 * (1 - one / other)
