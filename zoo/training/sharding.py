"""Fully sharded training: each process holds a part of every tensor.

blocks, then the rest -> torch's fully_shard -> gathered for use, then freed

Each block is gathered for its forward pass and again for its backward pass; gradients, averages and
the optimizer's state are sharded as well. Checkpoints are whole, so that a run resumes with any
number of processes, or unsharded.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from zoo.training.recipe import Recipe

MIN_BLOCK = 0.1  # of the largest block: smaller ones are not worth a collective of their own


def check(accelerator: Accelerator, recipe: Recipe, layout: torch.memory_format) -> None:
    """Raise ValueError for a run that cannot be sharded."""
    if accelerator.num_processes == 1:
        raise ValueError(
            "--shard splits a network among processes, and there is one: start more by "
            "`torchrun --nproc_per_node N -m zoo.training ... --shard`"
        )
    if recipe.precision == "fp16":
        raise ValueError("the loss scale of fp16 knows no shards; a sharded run takes bf16 or no")
    if layout != torch.contiguous_format:
        raise ValueError("shards are contiguous; channels_last is for runs that are not sharded")


def _list_items(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the items of the outermost lists. The forward of a subclass may look into its items."""
    for child in network.children():
        if type(child) in (nn.ModuleList, nn.Sequential):
            yield from child.children()
        else:
            yield from _list_items(child)


def blocks(network: nn.Module) -> list[nn.Module]:
    """Return the repeated layers that hold most of the parameters."""
    sizes = {item: sum(p.numel() for p in item.parameters()) for item in _list_items(network)}
    largest = max(sizes.values(), default=0)
    return [item for item, size in sizes.items() if size and size >= MIN_BLOCK * largest]


def shard(network: nn.Module, accelerator: Accelerator) -> None:
    """Keep this process's part of each parameter, on its device.

    Every process passes the same whole network, which must fit into the memory of the CPU.
    """
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for module in (*blocks(network), network):
        fully_shard(module, mesh=mesh)


@contextmanager
def no_sync(network: nn.Module) -> Iterator[None]:
    """Accumulate gradients locally, as accelerate's no_sync does for unsharded networks."""
    assert isinstance(network, FSDPModule)
    network.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        network.set_requires_gradient_sync(True)


def gather_full(tree: Any, keep: bool) -> Any:
    """Gather nested states on the CPU of the processes that `keep` them. A collective call."""
    if isinstance(tree, DTensor):
        full = tree.full_tensor()
        return full.cpu() if keep else None
    if isinstance(tree, Mapping):
        return {key: gather_full(value, keep) for key, value in tree.items()}
    return tree


def local_part(value: Any, like: Any) -> Any:
    """Return this process's part of a whole tensor, sharded `like` another; other values as is.

    A copy: what is read is a map of the file, which all processes share.
    """
    if not isinstance(value, Tensor) or not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None).clone()
