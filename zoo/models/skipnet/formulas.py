"""Cost of gates, which Sec. 3.1 of 1711.09485 gives in percent of the residual blocks."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from zoo.models._builder import build_model, pretrained_cfg
from zoo.models.skipnet.blocks import Gated, State
from zoo.papers.records import Claim


@torch.no_grad()
def gate_share(claim: Claim) -> tuple[None, float]:
    """Return the multiply-adds of gates as built, in percent of the blocks that keep the size."""
    network: Any = build_model(claim.model, device="meta", **claim.args).eval()
    x = torch.empty(1, *pretrained_cfg(network)["input_size"], device="meta")
    state = State(network.maxpool(network.forward_stem(x)))
    gates, blocks = 0, 0
    for name in network.stage_names:
        block: Any = network.get_submodule(name)
        is_gated = isinstance(block, Gated)
        if not is_gated:
            state = State(block(state.x))
            continue
        with FlopCounterMode(display=False) as gate:
            _, memory = network.probability(block, state)
        with FlopCounterMode(display=False) as residual:
            x = block.base(state.x)
        if block.stride == 1:  # the others have a projection and fewer pixels
            gates, blocks = gates + gate.get_total_flops(), blocks + residual.get_total_flops()
        state = State(x, memory)
    return None, round(100 * gates / blocks, 4)
