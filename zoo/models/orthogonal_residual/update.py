"""The orthogonal residual update of 2505.11881: only what is new to the stream is added.

x + f - <x, f> / (|x|^2 + eps) x

     f ^       what f has along x (its shadow on x) is left out;
       | \\     what remains stands upright on x, so that
x ----> .      |x + f_perp|^2 = |x|^2 + |f_perp|^2, but for eps
"""

from functools import partial

import torch
from torch import Tensor

from zoo.modules.shortcuts import Merge, addition
from zoo.modules.stages import pick

EPS = 1e-6


def orthogonal(branch: Tensor, skip: Tensor, *, dims: tuple[int, ...], eps: float = EPS) -> Tensor:
    """The part of `branch` that is orthogonal to `skip` over `dims`, of the same shape.

    What is left along the skip is <skip, branch> eps / (|skip|^2 + eps). The quotient is taken in
    float32 or better, as in the authors' connect.py.
    """
    wide = torch.promote_types(skip.dtype, torch.float32)
    dot = (skip * branch).sum(dims, keepdim=True)
    norm = (skip * skip).sum(dims, keepdim=True).to(wide) + eps
    return branch - (dot / norm).to(skip.dtype) * skip


def orthogonal_sum(branch: Tensor, skip: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """The skip, and what of the branch is orthogonal to it."""
    return skip + orthogonal(branch, skip, dims=dims)


def over(dims: tuple[int, ...]) -> Merge:
    """The merge that is orthogonal over `dims`, whatever the number of channels."""
    return lambda channels: partial(orthogonal_sum, dims=dims)


# Of an image: each pixel's channels ("F" in the paper's tables), or all of it at once ("G").
UPDATES: dict[str, Merge] = {"feature": over((1,)), "global": over((1, 2, 3)), "linear": addition}


def update_of(name: str) -> Merge:
    """Raises ValueError for an update that the paper lacks."""
    return pick(UPDATES, name, "update (Sec. 3)")
