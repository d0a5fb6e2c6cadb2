"""Golden images of the networks of super-resolution, from the Python files of their authors.

uv run python tests/golden/record_sr.py FOLDER    of BasicSR/ CARN-pytorch/ EDSR-PyTorch/ RCAN/
"""

import argparse
import math
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from fill import fill, images
from record import write
from torch import Tensor, nn

SOURCES = {
    "sanghyun-son/EDSR-PyTorch@4f5e2ced93ebb21b42c8568b044c143a4be4a651": (
        *("src/model/common.py", "src/model/edsr.py", "src/model/mdsr.py"),
    ),
    "XPixelGroup/BasicSR@8d56e3a045f9fb3e1d8872f92ee4a4f07f886b0a": (
        *("basicsr/archs/rcan_arch.py", "basicsr/archs/edsr_arch.py"),
        *("basicsr/archs/arch_util.py", "basicsr/utils/registry.py"),
    ),
    "nmhkahn/CARN-pytorch@40d3514f81cccd680d846cd5ab07af35f2c8e0e2": (
        *("carn/model/ops.py", "carn/model/carn.py", "carn/model/carn_m.py"),
    ),
    "yulunzhang/RCAN@f722e5d0e1eff45148bfaefd9bc85c6f0f26ce02": (
        *("RCAN_TrainCode/code/model/common.py", "RCAN_TrainCode/code/model/rcan.py"),
    ),
}
HOW = (
    "The authors' files (repository@commit:path, git's blob) are executed as they are, without "
    "what they import beside the network; their convolutions, mean shifts among them, get their "
    "weights from tests/golden/fill.py in the order of their sorted names, in float64; the input "
    "is images(height)[..., :width].abs() % 1, times 255 and the output divided by 255 where the "
    "authors count so. A line of layers stands for all names that its braces make. The numbers "
    "are 12 pixels, then of each channel of each image the mean, and the mean of its product "
    "with the normal numbers of RandomState(2). Of the nets under full only the layers are kept."
)
SMALL = {"blocks": 3, "channels": 8}
TINY = {"groups": 2, "blocks": 4, "channels": 32}
HEIGHT, WIDTH = 7, 5


@dataclass(frozen=True)
class Net:
    """One network of the authors, how to run it on RGB in 0..1, and which of the zoo it is."""

    key: str
    model: nn.Module
    run: Callable[[Tensor], Tensor]
    ours: str
    scale: int
    args: dict[str, Any]


def package(name: str, folder: Path, **members: Any) -> None:
    """A package whose __init__.py is not executed; its modules are imported from `folder`."""
    for old in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
        del sys.modules[old]
    module = ModuleType(name)
    module.__dict__.update(members, __path__=[str(folder)])
    sys.modules[name] = module


def in_255(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """For a network that counts pixels in 0..255."""
    return lambda x: model(x * 255) / 255


def at(model: nn.Module, scale: int) -> Callable[[Tensor], Tensor]:
    """For a network that is told the scale at every call."""
    return lambda x: model(x, scale=scale)


def options(**args: Any) -> SimpleNamespace:
    """What the command line of EDSR-PyTorch and RCAN parses to."""
    common = {"n_colors": 3, "rgb_range": 255, "res_scale": 1.0}
    return SimpleNamespace(**common | args)


def edsr_pytorch(folder: Path, full: bool) -> Iterator[Net]:
    package("model", folder / "EDSR-PyTorch/src/model")
    edsr, mdsr = import_module("model.edsr").EDSR, import_module("model.mdsr").MDSR
    sizes = {"edsr": (32, 256), "edsr_baseline": (16, 64)} if full else {"edsr": (3, 8)}
    args = {} if full else SMALL
    for name, (blocks, channels) in sizes.items():
        size = {"n_resblocks": blocks, "n_feats": channels}
        for scale in (2, 3, 4):
            model = edsr(options(scale=[scale], res_scale=0.1, **size))
            ours = f"{name}_x{scale}"
            yield Net(f"EDSR-PyTorch-{ours}", model, in_255(model), ours, scale, args)
    blocks, channels = (80, 64) if full else (3, 8)
    model = mdsr(options(scale=[2, 3, 4], n_resblocks=blocks, n_feats=channels))
    for index, scale in enumerate((2, 3, 4)):
        model.set_scale(index)
        key = "EDSR-PyTorch-mdsr" + ("" if full else f"_at_x{scale}")
        yield Net(key, model, in_255(model), "mdsr", scale, args)


def rcan(folder: Path, full: bool) -> Iterator[Net]:
    package("model", folder / "RCAN/RCAN_TrainCode/code/model")
    network = import_module("model.rcan").RCAN
    groups, blocks, channels = (10, 20, 64) if full else (2, 4, 32)
    size = {"n_resgroups": groups, "n_resblocks": blocks, "n_feats": channels}
    for scale in (2, 3, 4, 8):
        model = network(options(scale=[scale], reduction=16, **size))
        tiny = not full and scale in (2, 4)
        ours = f"rcan_tiny_x{scale}" if tiny else f"rcan_x{scale}"
        args = {} if full or tiny else TINY
        yield Net(f"RCAN-{ours}", model, in_255(model), ours, scale, args)


def basicsr(folder: Path, full: bool) -> Iterator[Net]:
    root = folder / "BasicSR/basicsr"
    package("basicsr", root)
    package("basicsr.archs", root / "archs")
    package("basicsr.utils", root / "utils", get_root_logger=None)
    package("basicsr.ops.dcn", root, ModulatedDeformConvPack=nn.Module, modulated_deform_conv=None)
    networks = import_module("basicsr.archs.rcan_arch"), import_module("basicsr.archs.edsr_arch")
    groups, blocks, channels = (10, 20, 64) if full else (2, 4, 32)
    size = {"num_group": groups, "num_block": blocks, "num_feat": channels}
    for scale in (2, 3, 4, 8) if full else (2, 4):
        model = networks[0].RCAN(3, 3, upscale=scale, img_range=255.0, **size)
        ours = f"rcan_x{scale}" if full else f"rcan_tiny_x{scale}"
        yield Net(f"BasicSR-{ours}", model, model, ours, scale, {})
    size = {"num_block": 32, "num_feat": 256, "res_scale": 0.1} if full else {}
    for scale in (2, 3, 4):
        model = networks[1].EDSR(3, 3, upscale=scale, img_range=255.0, **size)
        ours = f"edsr_x{scale}" if full else f"edsr_baseline_x{scale}"
        yield Net(f"BasicSR-{ours}", model, model, ours, scale, {})


def carn(folder: Path) -> Iterator[Net]:
    package("model", folder / "CARN-pytorch/carn/model")
    for name, args in (("carn", {}), ("carn_m", {"group": 4})):
        network = import_module(f"model.{name}").Net
        model = network(multi_scale=True, **args)
        for scale in (2, 3, 4):
            yield Net(f"CARN-pytorch-{name}_at_x{scale}", model, at(model, scale), name, scale, {})
        for scale in (2, 3, 4):
            alone, ours = network(scale=scale, **args), f"{name}_x{scale}"
            yield Net(f"CARN-pytorch-{ours}", alone, at(alone, scale), ours, scale, {})


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """By name, sorted. Raises ValueError for a network that has other tensors too."""
    found = {name: m for name, m in sorted(model.named_modules()) if isinstance(m, nn.Conv2d)}
    if {f"{name}.{kind}" for name in found for kind in ("weight", "bias")} != {*model.state_dict()}:
        raise ValueError("the network has tensors that are no convolution's weight or bias")
    return found


def layers(model: nn.Module) -> dict[str, str]:
    """{"body.{0,1,2}.body.{0,2}": "8x8x3x3", ...}: the names, with the shapes of the weights."""
    alike = defaultdict(list)
    for name, layer in convolutions(model).items():
        shape = "x".join(map(str, layer.weight.shape))
        alike[re.sub(r"\d+", "{}", name), shape].append(re.findall(r"\d+", name))
    lines = {}
    for (pattern, shape), found in alike.items():
        columns = [sorted(set(column), key=int) for column in zip(*found, strict=True)]
        every = math.prod(map(len, columns)) == len(found)
        for row in [columns] if every else [[[number] for number in one] for one in found]:
            braced = ["{" + ",".join(c) + "}" if len(c) > 1 else c[0] for c in row]
            lines[pattern.format(*braced)] = shape
    return lines


def numbers(y: Tensor) -> list[float]:
    """(B, 3, H, W) -> what HOW says of it."""
    noise = torch.from_numpy(np.random.RandomState(2).standard_normal(y.shape))
    few = y.flatten()[:: y.numel() // 12][:12]
    return torch.cat([few, y.mean((2, 3)).flatten(), (y * noise).mean((2, 3)).flatten()]).tolist()


def measure(net: Net) -> dict[str, Any]:
    """The record of one network."""
    fill(convolutions(net.model).values(), seed=0)
    with torch.inference_mode():
        found = numbers(net.run(images(HEIGHT)[..., :WIDTH].abs() % 1))
    print(f"{net.key}: largest {max(map(abs, found)):.3g}")
    return {
        "ours": net.ours,
        "args": net.args,
        "scale": net.scale,
        "seed": 0,
        "height": HEIGHT,
        "width": WIDTH,
        "layers": layers(net.model),
        "numbers": found,
    }


def sources(folder: Path) -> list[str]:
    """repository@commit:path blob, of the files as they lie in `folder`."""
    found = []
    for source, paths in SOURCES.items():
        root = folder / source.partition("@")[0].partition("/")[2]
        for path in paths:
            command = ["git", "hash-object", str(root / path)]
            blob = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(f"{source}:{path} {blob.strip()}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rooms = (edsr_pytorch, rcan, basicsr)
    small = {net.key: measure(net) for room in rooms for net in room(folder, False)}
    small |= {net.key: measure(net) for net in carn(folder)}
    large = {
        net.key: {"ours": net.ours, "layers": layers(net.model)}
        for room in rooms
        for net in room(folder, True)
    }
    made_by = "tests/golden/record_sr.py"
    facts = {
        "nets": {},
        "upscalers": small,
        "full": large,
    }  # nets: classifiers, of tests/models/test_all_parity.py
    write("sr", source=sources(folder), made_by=made_by, how=HOW, **facts)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    main()
