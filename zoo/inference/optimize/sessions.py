"""A network's forward pass by ONNX Runtime or OpenVINO, on a CPU.

network -> torch.export -> ONNX -> a session, in the place of `forward`

A session is for the example's shape. A second one, started when it is needed, takes what it was
proven on: any batch, and any height and width if it agrees with the network there. The network's
own forward pass takes everything else.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from zoo.inference.optimize.timing import max_rel_error, run

Shape = tuple[int, ...]
Session = Callable[[np.ndarray], Sequence[np.ndarray]]
Start = Callable[[Shape | None], Session]  # for inputs of one shape, which is faster, or of any


def to_onnx(model: nn.Module, example: Tensor) -> bytes:
    """Return a network as an ONNX file, of any batch and, where it allows it, any size.

    Raises:
        Exception: what torch's exporter raises for a network that it cannot follow.
    """
    some = torch.cat([example, example])[:2]  # a batch of one is taken for a constant
    free = [0, 2, 3] if example.dim() == 4 else [0]
    shapes = (dict.fromkeys(free, torch.export.Dim.AUTO),)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter itself
        exported = torch.export.export(model, (some,), dynamic_shapes=shapes)
        program: Any = torch.onnx.export(exported, dynamo=True, verbose=False)
        content: bytes = program.model_proto.SerializeToString()
    return content


def onnxruntime_session(content: bytes, dtype: torch.dtype, shape: Shape | None) -> Session:
    """Start a session of ONNX Runtime with torch's number of threads, for a shape or for any."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    if shape:
        (entry,) = onnx.load_from_string(content).graph.input
        for dim, size in zip(entry.type.tensor_type.shape.dim, shape, strict=True):
            if dim.dim_param:
                options.add_free_dimension_override_by_name(dim.dim_param, size)
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def call(x: np.ndarray) -> list[np.ndarray]:
        outputs: list[np.ndarray] = session.run(None, {name: x})
        return outputs

    return call


@cache
def openvino_core() -> Any:
    """Return this process's core of OpenVINO, which is never freed.

    A core sets the stack of the signal handlers when it first compiles, and sets the one before it
    when it is freed: of two cores, that of the other, which may be gone.
    """
    import openvino

    return openvino.Core()


def openvino_session(content: bytes, dtype: torch.dtype, shape: Shape | None) -> Session:
    """Compile by OpenVINO with torch's number of threads, in float32 or bfloat16, for a shape or
    for any."""
    core = openvino_core()
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = core.read_model(content)
    if shape:
        model.reshape(list(shape))
    compiled = core.compile_model(model, "CPU", settings)

    def call(x: np.ndarray) -> list[np.ndarray]:
        return list(compiled(x).values())

    return call


class SessionForward:
    """The forward pass of a network by a session.

    Args:
        model: the network, in eval mode.
        start: starts what runs it, on arrays in float32.
        name: of the library, for errors.
        dtype: of the outputs.
        fixed: shape that has a session of its own.
    """

    def __init__(
        self, model: nn.Module, start: Start, name: str, dtype: torch.dtype, fixed: Shape
    ) -> None:
        self.model, self.start, self.name, self.dtype = model, start, name, dtype
        self.sessions: dict[Shape | None, Session] = {fixed: start(fixed)}
        self.own: Callable[..., Any] = model.forward
        self.shape: Shape | None = None  # of a sample; None: of any height and width
        self.alone = False  # True: what the session does not take is an error

    def prove(self, example: Tensor, tolerance: float) -> None:
        """Compare with the network on another batch and size; keep to the size if that differs.

        Raises:
            ValueError: the outputs for another batch differ.
        """
        if not self._agrees(torch.cat([example, example[:1]]), tolerance):
            raise ValueError(f"{self.name} gives other outputs for another batch")
        taller = torch.cat([example, example], dim=-2)[:1] if example.dim() == 4 else None
        if taller is None or not self._agrees(taller, tolerance):
            self.shape = tuple(example.shape[1:])
        self.sessions.pop(None, None)  # until it is needed: its memory is that of the weights

    def _agrees(self, x: Tensor, tolerance: float) -> bool:
        try:
            expected, actual = run(self.own, x), run(self, x)
            return max_rel_error(expected, actual) <= tolerance
        except (RuntimeError, ValueError):  # of the network or of the session
            return False

    def __call__(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        other = self.shape not in (None, tuple(x.shape[1:]))
        if args or kwargs or other or not len(x) or self.model.training:
            if self.alone:
                raise ValueError(
                    f"{self.name} takes one input of {self.shape or 'any size'} here, not "
                    f"{tuple(x.shape[1:])} with {len(args) + len(kwargs)} options; eager takes it"
                )
            return self.own(x, *args, **kwargs)
        key = tuple(x.shape) if tuple(x.shape) in self.sessions else None
        if key not in self.sessions:
            self.sessions[key] = self.start(key)
        arrays = self.sessions[key](x.detach().float().contiguous().numpy())
        outputs = [torch.from_numpy(array).to(self.dtype) for array in arrays]
        return outputs[0] if len(outputs) == 1 else outputs

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a network by {self.name} cannot be copied or pickled: keep the network that it was "
            "made from, and call zoo.optimize where it is needed"
        )
