"""The orthogonal residual update of 2505.11881: only the part of f orthogonal to x is added.

x + f - <x, f> / (|x|^2 + eps) x

     f ^       the projection of f on x is left out;
       | \\     the rest, f_perp, is orthogonal to x, so that
x ----> .      |x + f_perp|^2 = |x|^2 + |f_perp|^2, but for eps
"""

from functools import partial

import torch
from torch import Tensor

from zoo.modules.shortcuts import Merge, addition
from zoo.modules.stages import pick

EPS = 1e-6


def orthogonal(branch: Tensor, skip: Tensor, *, dims: tuple[int, ...], eps: float = EPS) -> Tensor:
    """Return the part of `branch` that is orthogonal to `skip` over `dims`.

    A part of <skip, branch> eps / (|skip|^2 + eps) remains along the skip. The quotient is computed
    in float32 or better, as in the authors' connect.py.
    """
    wide = torch.promote_types(skip.dtype, torch.float32)
    dot = (skip * branch).sum(dims, keepdim=True)
    norm = (skip * skip).sum(dims, keepdim=True).to(wide) + eps
    return branch - (dot / norm).to(skip.dtype) * skip


def orthogonal_sum(branch: Tensor, skip: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """Return the skip plus the part of the branch that is orthogonal to it."""
    return skip + orthogonal(branch, skip, dims=dims)


def over(dims: tuple[int, ...]) -> Merge:
    """Return the orthogonal merge over `dims`, for any number of channels."""
    return lambda channels: partial(orthogonal_sum, dims=dims)


# Of an image: each pixel's channels ("F" in the paper's tables), or all of it at once ("G").
UPDATES: dict[str, Merge] = {"feature": over((1,)), "global": over((1, 2, 3)), "linear": addition}


def update_of(name: str) -> Merge:
    """Return the merge of an update. Raises ValueError for one that the paper lacks."""
    return pick(UPDATES, name, "update (Sec. 3)")
