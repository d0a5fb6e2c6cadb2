"""Table 1's column of memory: what a network's blocks keep for the backward pass."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models._builder import build_model
from zoo.papers.records import Claim

STEPS = 8  # of rk4: 32 evaluations of f, as dopri5 takes with fresh weights


def kept_bytes(blocks: Sequence[nn.Module], x: Tensor) -> int:
    """Return the bytes of the tensors that autograd keeps of blocks, beside their parameters."""
    parameters = {p.data_ptr() for block in blocks for p in block.parameters()}
    kept: dict[int, Tensor] = {}  # by address, and so alive: no address comes twice

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in parameters:
            kept[tensor.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        for block in blocks:
            x = block(x)
    return sum(tensor.nbytes for tensor in kept.values())


def kept_by(model: str, **changes: Any) -> int:
    """Return what the ODE, or the six residual blocks, of a network keep of one image."""
    network: Any = build_model(model, **changes)
    stages = [network.get_submodule(name) for name in network.stage_names]
    blocks = [stage for stage in stages if stage.stride == 1]  # those after the stem's
    side = network.pretrained_cfg["pool_size"][0]
    return kept_bytes(blocks, torch.ones(1, blocks[0].c_out, side, side, requires_grad=True))


def memory(claim: Claim) -> tuple[None, float]:
    """Return by how much less, in percent, `model` keeps than `than`; ODEs by rk4 of 8 steps."""
    kept = []
    for name in (claim.model, claim.than):
        solver = {"method": "rk4", "steps": STEPS, "adjoint": name.startswith("odenet")}
        kept.append(kept_by(name, **({} if name.startswith("resnet") else {"solver": solver})))
    return None, 100 * (1 - kept[0] / kept[1])
