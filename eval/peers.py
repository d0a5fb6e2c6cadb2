"""Who runs beside ours: the same networks of others, and what makes any network faster."""

import importlib
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from zoo.inference.optimize.sessions import openvino_core

Run = Callable[[Tensor], Any]
Make = Callable[[], Any]  # returns a Run
CIFAR = {  # our name: pytorchcv's
    "resnet20": "resnet20_cifar10",
    "resnet110": "resnet110_cifar10",
    "preresnet164": "preresnet164bn_cifar10",
    "wrn28_10": "wrn28_10_cifar10",
}


HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}  # OpenVINO's


class OnCopy(nn.Module):
    """A network on a copy of its input, which it changes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x.clone())
        return y


def as_upscale_runs(ours: nn.Module) -> Run:
    """Return a network as `zoo upscale` runs it."""
    ready: Any = ours.to(memory_format=torch.channels_last)

    def run(x: Tensor) -> Any:
        with torch.inference_mode():
            return ready(x.contiguous(memory_format=torch.channels_last))

    return run


class InType(nn.Module):
    """A network with weights and images of a type: (B, 3, H, W) in float32 -> its outputs."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.dtype = network.to(dtype), dtype

    def forward(self, x: Tensor) -> Any:
        return self.network(x.to(self.dtype))


def peer(name: str) -> dict[str, Make]:
    """Return how to make the same network of timm or pytorchcv, if one of them has it."""
    if timm.is_model(name):
        return {"timm": partial(timm.create_model, name)}
    provider: Any = importlib.import_module("pytorchcv.model_provider")
    return {"pytorchcv": partial(provider.get_model, CIFAR[name])} if name in CIFAR else {}


def spandrel_rcan(ours: nn.Module) -> nn.Module:
    """Return spandrel's network with our tensors."""
    from spandrel import ModelLoader

    return OnCopy(ModelLoader(device="cpu").load_from_state_dict(ours.state_dict()).model)


def authors_carn(checkout: Path) -> nn.Module:
    """Return the authors' CARN-M, without its upscaling by 2 and 3."""
    sys.path.insert(0, str(checkout / "carn"))
    module: Any = importlib.import_module("model.carn_m")
    network: Any = module.Net(multi_scale=True, group=4)
    network.forward = partial(network.forward, scale=4)
    return network


def compiled(network: nn.Module, x: Tensor, dtype: torch.dtype) -> Run:
    """Return a network compiled by torch, with its weights as constants."""
    ready = torch.compile(InType(network, dtype))

    def run(x: Tensor) -> Any:
        with torch._inductor.config.patch(freezing=True):
            return ready(x)

    return run


def onnxruntime(network: nn.Module, x: Tensor, dtype: torch.dtype) -> Run:
    """Return a session of ONNX Runtime for inputs of one shape."""
    import onnxruntime

    program: Any = torch.onnx.export(InType(network, dtype), (x,), dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    content = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x.numpy()})[0]


def openvino(network: nn.Module, x: Tensor, dtype: torch.dtype) -> Run:
    """Return a network compiled by OpenVINO for inputs of one shape."""
    import openvino

    model = openvino.convert_model(network, example_input=x, input=[tuple(x.shape)])
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": HINTS[dtype],
        "PERFORMANCE_HINT": "LATENCY",
    }
    ready = openvino_core().compile_model(model, "CPU", settings)
    return lambda x: ready(x.numpy())[0]


Compile = Callable[[nn.Module, Tensor, torch.dtype], Run]
COMPILERS: dict[str, Compile] = {
    "torch.compile": compiled,
    "ONNX Runtime": onnxruntime,
    "OpenVINO": openvino,
}


def with_compilers(
    who: str, make: Make, x: Tensor, dtype: torch.dtype = torch.float32
) -> dict[str, Make]:
    """Return how to make a network in a type as it is, for `who`, and by each of COMPILERS that
    has the type on a CPU; each of them takes images in float32."""

    def plain() -> nn.Module:
        network: nn.Module = make().eval()
        return network

    able = {n: c for n, c in COMPILERS.items() if dtype == torch.float32 or c is not onnxruntime}
    faster = {name: partial(_faster, compile_, plain, x, dtype) for name, compile_ in able.items()}
    return {who: lambda: InType(plain(), dtype), **faster}


def _faster(compile_: Compile, make: Make, x: Tensor, dtype: torch.dtype) -> Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of exporters themselves
        return compile_(make(), x, dtype)
