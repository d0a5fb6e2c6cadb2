"""Ways to run a network's forward pass: torch as it is, its compiler, and other libraries.

A backend takes a copy of the network that shares its weights, and returns it faster.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import torch
from torch import Tensor, nn

from zoo.inference.optimize import sessions
from zoo.inference.optimize.eager import apply_steps

DISTRIBUTIONS = {"tensorrt": "torch_tensorrt"}  # where they are not called as the backend is


@dataclass
class Job:
    """A network to make fast."""

    model: nn.Module  # in eval mode; nothing changes it
    example: Tensor
    dtype: torch.dtype | None  # of weights and inputs; None: as they are
    tolerance: float  # largest change of an output over the largest output

    @cached_property
    def onnx(self) -> bytes:
        """The network as an ONNX file, made once for all that read it."""
        return sessions.to_onnx(share(self.model), self.example)

    @property
    def is_decoder(self) -> bool:
        """True for a network that keeps the keys and values of earlier tokens."""
        return hasattr(self.model, "tok_embeddings")


class Candidate(NamedTuple):
    """A network that a backend made fast."""

    model: nn.Module
    steps: Sequence[str]


Make = Callable[[Job], Candidate]


def share(model: nn.Module) -> nn.Module:
    """Copy a network's modules, with the same weights."""
    tensors = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def eager(job: Job) -> Candidate:
    """Fold, lay out, and take other algorithms for single layers."""
    model = share(job.model)
    return Candidate(model, apply_steps(model, job.example, job.dtype))


def inductor(job: Job) -> Candidate:
    """Compile by torch, weights as constants; on a GPU with CUDA graphs."""
    model, steps = eager(job)
    if job.example.device.type == "cpu":
        model.compile(options={"freezing": True})
    else:
        model.compile(mode="max-autotune")
    return Candidate(model, [*steps, "compiled"])


def tensorrt(job: Job) -> Candidate:
    """Compile by TensorRT, on a GPU of NVIDIA's."""
    import torch_tensorrt  # noqa: F401  # registers itself with torch.compile

    model, steps = eager(job)
    model.compile(backend="torch_tensorrt")
    return Candidate(model, [*steps, "compiled by TensorRT"])


def by_session(start: Callable[[bytes, torch.dtype], sessions.Session], name: str) -> Make:
    """Return a backend that runs the network's ONNX file by a session."""

    def make(job: Job) -> Candidate:
        dtype = job.dtype or next(job.model.parameters()).dtype
        model = share(job.model)
        forward = sessions.SessionForward(model, start(job.onnx, dtype), name, dtype)
        forward.prove(job.example, job.tolerance)
        vars(model)["forward"] = forward
        size = "any size" if forward.shape is None else "this size"
        return Candidate(model, [f"ONNX, any batch and {size}"])

    return make


BACKENDS: dict[str, Make] = {  # in the order in which they are tried
    "onnxruntime": by_session(sessions.onnxruntime_session, "onnxruntime"),
    "openvino": by_session(sessions.openvino_session, "openvino"),
    "eager": eager,
    "tensorrt": tensorrt,
    "inductor": inductor,
}


def backend_version(name: str) -> str:
    """Return the version of a backend's library; "" where it is not installed."""
    try:
        own = name in ("eager", "inductor")
        return version("torch" if own else DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        return ""


def why_not(name: str, job: Job) -> str:
    """Return why a backend cannot take a network; "" if it can."""
    device = job.example.device.type
    if not backend_version(name):
        return f"it is not installed (pip install {DISTRIBUTIONS.get(name, name)})"
    if name == "tensorrt" and device != "cuda":
        return "it runs on GPUs of NVIDIA's alone"
    if name != "eager" and job.is_decoder:
        return "a decoder keeps keys and values, of another length for each token"
    if name in ("onnxruntime", "openvino"):
        if device != "cpu":
            return "the zoo runs it on a CPU alone"
        if name == "onnxruntime" and job.dtype not in (None, torch.float32):
            return f"it has no {str(job.dtype).removeprefix('torch.')} on a CPU"
    return ""
