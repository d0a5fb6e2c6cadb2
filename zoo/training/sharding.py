"""A network that does not fit one process: each holds its part of every tensor.

blocks, then the rest -> torch's fully_shard -> tensors gathered where they are used, and let go

Each block is gathered for its forward pass and again for its backward pass; gradients, averages and
the optimizer's state are in parts as well. What is written is whole, so that a run goes on with
any number of processes, or unsharded.
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

LEAST = 0.1  # of the largest block: what is smaller is not worth a gathering of its own


def check(accelerator: Accelerator, recipe: Recipe, layout: torch.memory_format) -> None:
    """Raises ValueError for a run that cannot be sharded, and says what can be."""
    if accelerator.num_processes == 1:
        raise ValueError(
            "--shard splits a network among processes, and there is one: start more by "
            "`torchrun --nproc_per_node N -m zoo.training ... --shard`"
        )
    if recipe.precision == "fp16":
        raise ValueError("the loss scale of fp16 knows no shards; a sharded run takes bf16 or no")
    if layout != torch.contiguous_format:
        raise ValueError("shards are contiguous; channels_last is for runs that are not sharded")


def members(network: nn.Module) -> Iterator[nn.Module]:
    """What is in the outermost lists and sequences. A subclass of these is a module like others,
    whose forward may look into what it holds."""
    for child in network.children():
        if type(child) in (nn.ModuleList, nn.Sequential):
            yield from child.children()
        else:
            yield from members(child)


def blocks(network: nn.Module) -> list[nn.Module]:
    """The repeated layers that most of a network's parameters are in."""
    sizes = {each: sum(p.numel() for p in each.parameters()) for each in members(network)}
    largest = max(sizes.values(), default=0)
    return [each for each, size in sizes.items() if size and size >= LEAST * largest]


def shard(network: nn.Module, accelerator: Accelerator) -> None:
    """Leaves this process its part of each parameter, on the device where it learns. All processes
    come with the same whole network: in the memory of the CPU there has to be room for it."""
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for each in (*blocks(network), network):
        fully_shard(each, mesh=mesh)


@contextmanager
def unreduced(network: nn.Module) -> Iterator[None]:
    """Gradients are summed up where they are, until a backward pass outside of this."""
    assert isinstance(network, FSDPModule)
    network.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        network.set_requires_gradient_sync(True)


def whole(tree: Any, keep: bool) -> Any:
    """States with their parts put together, on the CPU of the processes that `keep` them. All
    processes have to ask for it."""
    if isinstance(tree, DTensor):
        gathered = tree.full_tensor()
        return gathered.cpu() if keep else None
    if isinstance(tree, Mapping):
        return {key: whole(value, keep) for key, value in tree.items()}
    return tree


def part(value: Any, like: Any) -> Any:
    """This process's part of a whole tensor that has the shape of one in parts; a copy, as what is
    read is a map of the file, which all processes share. Anything else is as it was."""
    if not isinstance(value, Tensor) or not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None).clone()
