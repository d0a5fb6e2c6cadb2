"""SkipNet as it is meant to run: a block sees the images that execute it, and no others.

x (B, ...) -> gate -> rows of x with G(x) = 1 -> block -> back into the shortcut's rows
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from zoo.models.skipnet.blocks import Gated, State
from zoo.models.skipnet.gates import threshold


class Routing(NamedTuple):
    """Result of a batch, and what was computed for each of its images."""

    logits: Tensor  # (B, num_classes)
    executed: Tensor  # (B, N), bool: blocks that were run, of those with a gate
    macs: Tensor  # (B,), float64: multiply-adds that were computed, gates included


class _Meter:
    """Multiply-adds of each image, as torch counts them in the calls that are really made."""

    def __init__(self, images: int) -> None:
        self.macs = torch.zeros(images, dtype=torch.float64)

    def __call__(self, rows: Any, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function that does equal work for each of `rows` (an index of images)."""
        with FlopCounterMode(display=False) as flops:
            result = function(*args)
        share = self.macs[rows]
        self.macs[rows] = share + flops.get_total_flops() / 2 / len(share)
        return result


@torch.no_grad()
def run_skipping(network: Any, x: Tensor) -> Routing:
    """Classify images, without the blocks that their gates skip.

    Args:
        network: A GatedNetwork in eval mode.
        x: (B, in_chans, H, W).

    Returns:
        The logits, which blocks each image went through, and what that took. Projections of a
        stage's first block are computed whether it is skipped or not: the next block needs them.

    Example:
        >>> from zoo.models._builder import build_model
        >>> network = build_model("skipnet38_rnn").eval()
        >>> run_skipping(network, torch.randn(4, 3, 32, 32)).executed.shape
        torch.Size([4, 17])
    """
    meter, every = _Meter(len(x)), slice(None)
    state = State(meter(every, lambda: network.maxpool(network.forward_stem(x))))
    executed = []
    for name in network.stage_names:
        block: Any = network.get_submodule(name)
        is_gated = isinstance(block, Gated)
        if not is_gated:
            state = State(meter(every, block, state.x))
            continue
        probability, memory = meter(every, network.probability, block, state)
        runs = threshold(probability)[:, 0].bool()
        output = meter(every, block.downsample, state.x)
        rows = runs.nonzero()[:, 0]
        if len(rows):
            part = meter(rows.cpu(), block.execute, state.x[rows], output[rows])
            output = output.index_copy(0, rows, part)
        state = State(output, memory)
        executed.append(runs)
    logits = meter(every, network.forward_head, network.forward_tail(state))
    return Routing(logits, torch.stack(executed, 1), meter.macs)


@torch.no_grad()
def base_macs(network: Any, x: Tensor) -> float:
    """Return the multiply-adds of the base network for an image as large as those of `x`.

    That is, of all blocks without gates.
    """
    meter, x = _Meter(1), x[:1]
    x = meter([0], lambda: network.maxpool(network.forward_stem(x)))
    for name in network.stage_names:
        block: Any = network.get_submodule(name)
        x = meter([0], block.base if isinstance(block, Gated) else block, x)
    meter([0], network.forward_head, x)
    return float(meter.macs)
