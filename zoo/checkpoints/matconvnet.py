"""Networks of MatConvNet in MATLAB's files of version 7.3 (HDF5), by h5py, an optional package.

net.layers{i}.weights = {filters, biases} -> net.layers.i.filters (out, in, h, w), and its biases
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.papers.weights import WeightsError

HEAD = b"MATLAB 7.3 MAT"


def read_matconvnet(path: Path) -> dict[str, Tensor]:
    """Read the filters and biases of a chain of layers; MATLAB's i = 1 is layer 0.

    Raises:
        WeightsError: It holds no such network, or h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise WeightsError(
            f"{path} is a file of MATLAB, which h5py reads: pip install 'residual-zoo[matlab]'"
        ) from None
    state: dict[str, Tensor] = {}
    try:
        with h5py.File(path) as file:
            for index, layer in enumerate(file["net/layers"][()].ravel()):
                if "weights" in file[layer]:
                    filters, biases = file[layer]["weights"][()].ravel()
                    state[f"net.layers.{index}.filters"] = _filters(file[filters], path)
                    state[f"net.layers.{index}.biases"] = _read(file[biases], path).flatten()
    except (KeyError, ValueError, TypeError, AttributeError, OSError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} holds no network of MatConvNet ({error})") from None
    return state


def _filters(stored: Any, path: Path) -> Tensor:
    """Return (out, in, h, w) of what HDF5 has the other way round, and of one output without it."""
    filters = _read(stored, path)
    return filters[(None,) * (4 - filters.dim())].transpose(2, 3).contiguous()


def _read(stored: Any, path: Path) -> Tensor:
    """Read one array. Raises WeightsError for one that a file of this size cannot hold."""
    if stored.nbytes > 16 * path.stat().st_size:
        raise WeightsError(f"{path} has an array of {stored.nbytes} bytes, more than it can hold")
    return torch.from_numpy(stored[()]).float()
