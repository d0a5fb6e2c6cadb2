"""Batches of language models that fit into memory."""

from typing import Any

import torch
from accelerate.utils import find_executable_batch_size

LARGEST = 64  # sequences
ON_CPU = 8  # a CPU gains nothing beyond it


@torch.inference_mode()
def fitting_batch_size(model: Any) -> int:
    """Return the largest batch of whole contexts, 64 or half as often, that a GPU can hold.

    Args:
        model: a language model, on its device.
    """
    device = next(model.parameters()).device

    @find_executable_batch_size(starting_batch_size=LARGEST, reduce_batch_size_fn=None)  # type: ignore[untyped-decorator]
    def run(batch_size: int) -> int:
        model(torch.zeros(batch_size, model.context, dtype=torch.long, device=device))
        return batch_size

    return ON_CPU if device.type == "cpu" else int(run())
