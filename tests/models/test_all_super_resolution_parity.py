"""The networks of super-resolution equal to their authors' (golden/sr.json), and to spandrel's.

In float64, with drawn weights and mean shifts. Every proof is also seen to fail.
"""

import itertools
import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from spandrel import ModelLoader
from torch import Tensor, nn

from tests.conftest import one_of_a_kind
from tests.golden.fill import fill, images
from tests.support.compare import relative_error
from tests.support.patching import replace_everywhere
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model
from zoo.models._conversion import all_key_mappings, convert_file, detect_model
from zoo.models.carn.model import Cascade, ResidualUnit
from zoo.models.rcan.model import ResidualGroup
from zoo.modules.super_resolution import (
    DIV2K_MEAN,
    ChannelAttention,
    MeanShift,
    ResidualBlock,
    SuperResolutionNet,
)

FILES: list[dict[str, Any]] = [
    json.loads((Path(__file__).parents[1] / "golden" / name).read_text(encoding="utf-8"))
    for name in ("sr.json", "restoration.json")
]
GOLDEN: dict[str, dict[str, Any]] = {k: r for file in FILES for k, r in file["upscalers"].items()}
FULL = {key: record for file in FILES for key, record in file["full"].items()}
NAMED = {**{k: r for k, r in GOLDEN.items() if not r["args"]}, **FULL}
SAME, ROUNDED, WRONG = 1e-12, 1e-6, 1e-2  # relative to the largest number
Change = Callable[[Any, pytest.MonkeyPatch], None]
State = dict[str, Tensor]


def shapes(record: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Layer -> shape of its weight, sorted; a name in the record stands for all of its braces."""
    actual = {}
    for pattern, shape in record["layers"].items():
        parts = [part.split(",") for part in re.split("[{}]", pattern)]
        for names in itertools.product(*parts):
            actual["".join(names)] = tuple(map(int, shape.split("x")))
    return dict(sorted(actual.items()))


def drawn(record: dict[str, Any]) -> State:
    """The state dict that the authors' network had, in their keys."""
    layers = {
        name: nn.Conv2d(shape[1], shape[0], shape[2:], device="meta").to_empty(device="cpu")
        for name, shape in shapes(record).items()
    }
    fill(layers.values(), record["seed"])
    return {f"{name}.{k}": v for name, m in layers.items() for k, v in m.state_dict().items()}


def scheme_of(record: dict[str, Any], state: State) -> KeyMapping:
    """Return the key mapping of the family whose required keys these are, for this name."""
    return next(
        mapping
        for _, mapping in all_key_mappings()
        if mapping.has_required_keys(state)
        and any(fnmatchcase(record["ours"], pattern) for pattern in mapping.models)
    )


def div2k() -> State:
    """The mean shifts of a network that has none: BasicSR's mean is float32, exactly."""
    mean = 255 * torch.tensor(DIV2K_MEAN).double()
    one = torch.eye(3, dtype=torch.float64).view(3, 3, 1, 1)
    weights = {"sub_mean.weight": one, "add_mean.weight": one}
    return weights | {"sub_mean.bias": -mean, "add_mean.bias": mean}


def ours(record: dict[str, Any]) -> SuperResolutionNet:
    """Return a network of the zoo with the authors' weights, renamed by the key mapping."""
    state = drawn(record)
    mapping = scheme_of(record, state)
    renamed = mapping.to_zoo(state)
    model: Any = build_model(record["ours"], device="meta", **record["args"])
    given = div2k() if mapping.constants else {}
    model.load_state_dict(renamed | given, assign=True)
    return model.eval()


def numbers(y: Tensor) -> Tensor:
    """12 pixels; of every channel, its mean and its projection onto noise."""
    noise = torch.from_numpy(np.random.RandomState(2).standard_normal(y.shape))
    few = y.flatten()[:: y.numel() // 12][:12]
    return torch.cat([few, y.mean((2, 3)).flatten(), (y * noise).mean((2, 3)).flatten()])


def golden_error(model: nn.Module, record: dict[str, Any]) -> float:
    """Return the error of a network against the record."""
    x = images(record["height"])[..., : record["width"]].abs() % 1
    with torch.inference_mode():
        actual = numbers(model(x, record["scale"]))
    return relative_error(actual, torch.tensor(record["numbers"], dtype=torch.float64))


@pytest.mark.parametrize("key", GOLDEN)
def test_super_resolution_net_equals_author_outputs(key: str) -> None:
    assert golden_error(ours(GOLDEN[key]), GOLDEN[key]) <= SAME


def moved(scale: int) -> tuple[Any, State]:
    """A small RCAN with drawn weights, and mean shifts that training has moved."""
    narrow = {"groups": 2, "blocks": 3, "channels": 16, "reduction": 4}
    model: Any = build_model(f"rcan_x{scale}", **narrow).eval()
    generator, state = torch.Generator().manual_seed(scale), {}
    for key, value in model.state_dict().items():
        spread = value[0].numel() ** -0.5 if value.dim() > 1 else 0.1
        noise = spread * torch.randn(value.shape, generator=generator)
        state[key] = value + noise if "mean" in key else noise
    model.load_state_dict(state)
    return model, state


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_rcan_weights_in_spandrel_give_equal_output(
    scale: int, dtype: torch.dtype, bound: float
) -> None:
    model, state = moved(scale)
    theirs = ModelLoader().load_from_state_dict(dict(state))
    assert (theirs.architecture.id, theirs.scale) == ("RCAN", scale)
    x = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0)).to(dtype)
    with torch.inference_mode():
        expected = theirs.model.to(dtype).eval()(x.clone())  # writes into its input
        assert relative_error(model.to(dtype)(x), expected) <= bound
        model.sub_mean = MeanShift(tuple(-255 * mean for mean in DIV2K_MEAN)).to(dtype)
        assert relative_error(model(x), expected) > WRONG


@pytest.mark.parametrize("key", one_of_a_kind(NAMED, lambda key: key.split("-")[0]))
def test_detect_model_author_keys_detects_model(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record, network = NAMED[key], build_model
    replace_everywhere(
        monkeypatch,
        "zoo.models._builder.build_model",
        lambda name, **args: network(name, **{**args, "device": "meta"}),
    )
    state = {}
    for name, shape in shapes(record).items():
        state[f"{name}.weight"] = torch.empty(shape, device="meta")
        state[f"{name}.bias"] = torch.empty(shape[0], device="meta")
    fit = detect_model(state, key)
    assert (fit.model, fit.mismatches) == (record["ours"], 0)
    assert key.split("-", maxsplit=1)[0] in fit.keys.name or fit.keys.name.endswith("the zoo")


@pytest.mark.parametrize("wrappers", [("params",), ("params", "params_ema")])
def test_convert_file_basicsr_uses_averaged_weights(
    wrappers: tuple[str, ...], tmp_path: Path
) -> None:
    """The last wrapper holds the weights: the averaged ones are taken where a file has both."""
    record = GOLDEN["BasicSR-rcan_tiny_x2"]
    state = {key: value.float() for key, value in drawn(record).items()}
    zeros = {key: torch.zeros_like(value) for key, value in state.items()}
    torch.save(dict.fromkeys(wrappers, zeros) | {wrappers[-1]: state}, tmp_path / "latest.pth")
    done = convert_file(tmp_path / "latest.pth")
    assert (done.model, done.keys) == ("rcan_tiny_x2", "BasicSR")
    model = build_model(done.model)
    model.load_state_dict(safetensors.torch.load_file(done.path))
    assert golden_error(model.double().eval(), record) <= ROUNDED


def no_long_skip(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(model, "restore", lambda features, scale: model.tail(model.body(features)))


def no_group_skip(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ResidualGroup, "forward", lambda self, x: self.body(x))


def no_sigmoid(model: Any, patch: pytest.MonkeyPatch) -> None:
    for module in model.modules():
        if isinstance(module, ChannelAttention):
            module.conv_du[3] = nn.Identity()


def largest_instead_of_average(model: Any, patch: pytest.MonkeyPatch) -> None:
    attend = lambda self, x: x * self.conv_du(x.amax((2, 3), keepdim=True))  # noqa: E731
    patch.setattr(ChannelAttention, "forward", attend)


def res_scale_ignored(model: Any, patch: pytest.MonkeyPatch) -> None:
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            module.res_scale = 1.0


def pixels_in_0_to_1(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.rgb_range = 1.0


def div2k_for_the_checkpoints(end: str) -> Change:
    def change(model: Any, patch: pytest.MonkeyPatch) -> None:
        for kind in ("weight", "bias"):
            getattr(model.get_submodule(end), kind).data = div2k()[f"{end}.{kind}"]

    return change


def pre_process_after_the_body(model: Any, patch: pytest.MonkeyPatch) -> None:
    def restore(features: Tensor, scale: int) -> Tensor:
        own = model.scales.index(scale)
        deep = model.pre_process[own](model.body(features) + features)
        return model.tail(model.upsample[own](deep))

    patch.setattr(model, "restore", restore)


def pre_process_of_another_scale(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.pre_process = nn.ModuleList(reversed(model.pre_process))


def fusing_the_fused(model: Any, patch: pytest.MonkeyPatch) -> None:
    """[x, o_1, .., u_i] instead of [x, u_1, .., u_i]."""

    def forward(self: Any, x: Tensor, **_: Any) -> Tensor:
        fused = [x]
        for i, fuse in enumerate(self.fusions):
            made = self.units[i % len(self.units)](fused[-1])
            fused.append(fuse(torch.cat([*fused, made], 1)))
        return fused[-1]

    patch.setattr(Cascade, "forward", forward)


def made_from_the_made(model: Any, patch: pytest.MonkeyPatch) -> None:
    """u_i of u_{i-1} instead of o_{i-1}."""

    def forward(self: Any, x: Tensor, **_: Any) -> Tensor:
        made = [x]
        for i in range(len(self.fusions)):
            made.append(self.units[i % len(self.units)](made[-1]))
        return self.fusions[-1](torch.cat(made, 1))

    patch.setattr(Cascade, "forward", forward)


def no_relu_after_the_addition(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ResidualUnit, "forward", lambda self, x: x + self.body(x))


def no_relu_in(*parts: str) -> Change:
    def change(model: Any, patch: pytest.MonkeyPatch) -> None:
        for module in [m for part in parts for m in model.get_submodule(part).modules()]:
            if isinstance(module, nn.Sequential):
                for i, layer in enumerate(module):
                    module[i] = nn.Identity() if isinstance(layer, nn.ReLU) else layer

    return change


MUTATIONS: list[tuple[str, Change]] = [
    *(("RCAN-rcan_tiny_x2", change) for change in (no_long_skip, no_group_skip, no_sigmoid)),
    ("RCAN-rcan_x3", largest_instead_of_average),
    ("RCAN-rcan_tiny_x4", div2k_for_the_checkpoints("sub_mean")),
    ("RCAN-rcan_x8", div2k_for_the_checkpoints("add_mean")),
    ("BasicSR-rcan_tiny_x2", pixels_in_0_to_1),
    ("BasicSR-edsr_baseline_x2", no_long_skip),
    ("EDSR-PyTorch-edsr_x2", res_scale_ignored),
    ("EDSR-PyTorch-edsr_x3", no_relu_in("body")),
    ("EDSR-PyTorch-edsr_x4", div2k_for_the_checkpoints("add_mean")),
    ("EDSR-PyTorch-mdsr_at_x2", pre_process_of_another_scale),
    ("EDSR-PyTorch-mdsr_at_x3", pre_process_after_the_body),
    ("CARN-pytorch-carn_at_x2", fusing_the_fused),
    ("CARN-pytorch-carn_x3", made_from_the_made),
    ("CARN-pytorch-carn_at_x4", no_relu_in("upsample")),
    ("CARN-pytorch-carn_m_at_x2", fusing_the_fused),
    ("CARN-pytorch-carn_m_x3", no_relu_after_the_addition),
    ("CARN-pytorch-carn_m_at_x4", div2k_for_the_checkpoints("sub_mean")),
]


@pytest.mark.parametrize(("key", "change"), MUTATIONS)
def test_golden_error_single_mutation_exceeds_bound(
    key: str, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ours(GOLDEN[key])
    change(model, monkeypatch)
    assert golden_error(model, GOLDEN[key]) > WRONG
