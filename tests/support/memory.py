"""What a forward pass keeps for the backward pass."""

from typing import Any

import torch
from torch import Tensor


def kept_bytes(network: Any, x: Tensor, **checkpointing: Any) -> int:
    """Return the bytes that are kept in training, without the parameters."""
    network.train().set_grad_checkpointing(**checkpointing)
    known = {p.data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in known:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(x)
    assert output.grad_fn is not None  # what it holds is still there
    return sum(kept.values())
