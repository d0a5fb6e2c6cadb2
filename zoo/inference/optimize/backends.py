"""Ways to run a network's forward pass: torch as it is, its compiler, and other libraries.

A backend takes a copy of the network that shares its weights, and returns it faster.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.inference.optimize import sessions
from zoo.inference.optimize.compiled import CompiledForward
from zoo.inference.optimize.eager import by_onednn, prepare, time_steps
from zoo.inference.optimize.winograd import WinogradConv2d

SESSIONS = ("onnxruntime", "openvino")
DISTRIBUTIONS = {"eager": "torch", "inductor": "torch", "tensorrt": "torch_tensorrt"}


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

    @cached_property
    def by_torch(self) -> "Candidate":
        """The network with the steps that torch's compiler does not take itself."""
        model = share(self.model)
        steps = prepare(model, self.example, dtype=self.dtype)
        return Candidate(model, steps)

    @property
    def is_decoder(self) -> bool:
        """True for a network that keeps the keys and values of earlier tokens."""
        return hasattr(self.model, "tok_embeddings")


class Candidate(NamedTuple):
    """A network that a backend made fast."""

    model: nn.Module
    steps: Sequence[str]


Make = Callable[[Job], Candidate]


def is_by_winograd(model: nn.Module) -> bool:
    """Return True if a third of the convolutions are by Winograd's algorithm, or more."""
    kinds = [type(module) for module in model.modules()]
    return 0 < kinds.count(nn.Conv2d) <= 2 * kinds.count(WinogradConv2d)


def share(model: nn.Module) -> nn.Module:
    """Copy a network's modules, with the same weights."""
    tensors = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def eager(job: Job) -> Candidate:
    """Fold, lay out, and take other algorithms for single layers."""
    model = share(job.by_torch.model)
    return Candidate(model, [*job.by_torch.steps, *time_steps(model, job.example, [by_onednn])])


def inductor(job: Job) -> Candidate:
    """Compile by torch, on a CPU with weights as constants, on a GPU with CUDA graphs."""
    if job.example.device.type == "cpu":
        return _compiled(job, "compiled", frozen=True)
    return _compiled(job, "compiled", frozen=False, mode="max-autotune")


def tensorrt(job: Job) -> Candidate:
    """Compile by TensorRT, on a GPU of NVIDIA's."""
    import torch_tensorrt  # noqa: F401  # registers itself with torch.compile

    return _compiled(job, "compiled by TensorRT", frozen=False, backend="torch_tensorrt")


def _compiled(job: Job, step: str, *, frozen: bool, **options: Any) -> Candidate:
    model = share(job.by_torch.model)
    vars(model)["forward"] = CompiledForward(model, frozen, **options)
    return Candidate(model, [*job.by_torch.steps, step])


def by_session(session: Callable[..., sessions.Session], name: str) -> Make:
    """Return a backend that runs the network's ONNX file by a session."""

    def make(job: Job) -> Candidate:
        dtype = job.dtype or next(job.model.parameters()).dtype
        model = share(job.model)
        start = partial(session, job.onnx, dtype)
        forward = sessions.SessionForward(model, start, name, dtype, tuple(job.example.shape))
        forward.prove(job.example, job.tolerance)
        vars(model)["forward"] = forward
        size = "any size" if forward.shape is None else "this size"
        return Candidate(model, [f"ONNX, any batch and {size}"])

    return make


BACKENDS: dict[str, Make] = {  # those that are ready sooner first
    "eager": eager,
    "onnxruntime": by_session(sessions.onnxruntime_session, "onnxruntime"),
    "openvino": by_session(sessions.openvino_session, "openvino"),
    "tensorrt": tensorrt,
    "inductor": inductor,
}


def distribution(name: str) -> str:
    """Return the name by which a backend's library is installed."""
    return DISTRIBUTIONS.get(name, name)


def backend_version(name: str) -> str:
    """Return the version of a backend's library; "" where it is not installed."""
    try:
        return version(distribution(name))
    except PackageNotFoundError:
        return ""


def is_exported(name: str, job: Job) -> bool:
    """Return True if a backend reads the network's ONNX file, and that was made for another."""
    return name in SESSIONS and "onnx" in vars(job)


def why_not(name: str, job: Job) -> str:
    """Return why a backend cannot take a network; "" if it can."""
    device = job.example.device.type
    if not backend_version(name):
        return f"it is not installed (pip install {distribution(name)})"
    if name == "tensorrt" and device != "cuda":
        return "it runs on GPUs of NVIDIA's alone"
    if name != "eager" and job.is_decoder:
        return "a decoder keeps keys and values, of another length for each token"
    if name in SESSIONS:
        if device != "cpu":
            return "the zoo runs it on a CPU alone"
        if name == "onnxruntime" and job.dtype not in (None, torch.float32):
            return f"it has no {str(job.dtype).removeprefix('torch.')} on a CPU"
    return ""
