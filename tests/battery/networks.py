"""Networks of the battery: every name whole, without values, or a cheaper one of the same code.

name -> whole on the meta device       name -> fewer layers, narrower, with values: its stand-in
"""

import copy
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn

from tests.golden.fill import fill, layers_of
from zoo.models._builder import build_model, load_class, pretrained_cfg
from zoo.models._registry import ModelEntry, get_entry

PATCH = 16  # pixels, of vision transformers

# Arguments that make a network cheaper, together; the first one decides whether a class has them.
CHEAPER: list[dict[str, Any]] = [
    {"kv_heads": 1, "ladder_layers": 2},
    {"heads": 2, "width": 32, "hidden": 256, "vocab": 61, "context": 32},
    *({"layers": layers} for layers in range(3, 9)),
    {"decoder_layers": 2},
    {"channels": 16, "groups": 2, "blocks": 2, "reduction": 4},
    {"channels": (8, 12, 16)},
    {"blocks": 2},
    {"blocks": (3, 2, 2)},
    {"fusions": 0},
    {"stages": ((2, 4),) * 4, "stem_width": 8, "cardinality": 2},
    {"size": "S3", "img_size": 32},
    {"base_width": 8},
    {"widths": (16, 24, 32, 48)},
    {"growth_rates": (8, 16, 8, 16, 8), "downsample": (1, 2, 4), "init_features": 16},
    {"slice_width": 4},
    {"cardinality": 2, "base_width": 8},
    {"k": 2},
    {"solver": {"method": "rk4", "steps": 2}},  # adaptive steps are in no graph
    {"width": 1.0},
    {"look_back": 24, "horizon": 12},
    {"alpha": 12},
    {"depths": (2, 1, 1, 1)},
    {"depths": (1, 1, 1)},
    {"columns": 2},
    {"stage_blocks": (2, 1, 1, 1)},
    {"setting": "2s2x8d", "depth": 14},
    *({"depth": depth} for depth in range(3, 102)),
]


@dataclass(eq=False)
class Network:
    """A network by name, with other arguments: with values in float64, or on the meta device."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def entry(self) -> ModelEntry:
        return get_entry(self.name)

    @property
    def code_path(self) -> str:
        """The class and its options; of sizes, whether they are 0, or 1.0."""
        args = {**self.entry.args, **self.args}
        return f"{self.entry.target} {sorted((key, _option(v)) for key, v in args.items())}"

    @cached_property
    def _filled(self) -> nn.Module:
        if self.device == "meta":
            return build_model(self.name, device="meta", **self.args).eval()
        model = build_model(self.name, **self.args).double().eval()
        generator = torch.Generator().manual_seed(0)
        for parameter in model.parameters():  # of layers that `fill` does not know
            if parameter.requires_grad:
                nn.init.normal_(parameter, std=0.1, generator=generator)
        fill(layers_of(model))
        return model

    def make(self, dtype: torch.dtype = torch.float64) -> Any:
        """A copy in eval mode, its weights always the same; on meta the network itself."""
        if self.device == "meta":
            self._filled.zero_grad()
            return self._filled.eval()
        return copy.deepcopy(self._filled).to(dtype)

    def make_features_only(self) -> Any:
        """The network without its head, with the same weights."""
        body: Any = build_model(self.name, device=self.device, features_only=True, **self.args)
        if self.device != "meta":
            body.double()
            missing, _ = body.model.load_state_dict(self._filled.state_dict(), strict=False)
            assert not missing, f"features_only has keys of its own: {missing}"
        return body.eval()

    @cached_property
    def exported(self) -> torch.export.ExportedProgram:
        """The graph in float32, for any number of samples."""
        batch = {0: torch.export.Dim("batch", min=1, max=64)}
        x = self.x(dtype=torch.float32)
        return torch.export.export(self.make(torch.float32), (x,), dynamic_shapes=(batch,))

    @cached_property
    def reductions(self) -> tuple[int, int]:
        """Input pixels per pixel of the last feature, for height and width."""
        if not self.entry.is_classifier:
            return 1, 1
        last: dict[str, Any] = self._filled.feature_info[-1]  # type: ignore[index]
        return last.get("reductions", (last["reduction"],) * 2)

    @property
    def reads_ids(self) -> bool:
        """Whether an input is (B, T), of token ids."""
        return "vocab_size" in self.entry.cfg

    @property
    def has_one_size(self) -> bool:
        """Whether images must be as large as the network says."""
        return bool(self.entry.cfg.get("fixed_input_size"))

    @property
    def takes_images(self) -> bool:
        """Whether an input is (B, C, H, W)."""
        return len(self.entry.cfg["input_size"]) == 3

    @property
    def has_any_size(self) -> bool:
        """Whether height and width may be any: not in multiples of a patch."""
        return not hasattr(self._filled, "patch_embed")

    def size(self, extra: int = 0) -> tuple[int, ...]:
        """Of a sample: maps of 2 x 2 at the end, or 8 x 8, or 8 tokens; `extra` more rows.

        A network for anything else has its own size, but for the pixels of a video.
        """
        if self.reads_ids:
            return (8 + extra,)
        if not self.takes_images:
            own: tuple[int, ...] = tuple(pretrained_cfg(self._filled)["input_size"])
            return own if len(own) < 4 else (*own[:2], 64, 64)
        channels: int = self.entry.cfg["input_size"][0]
        if self.has_one_size:
            return channels, *cast(Any, self._filled).img_size
        least = self.entry.cfg.get("min_input_size", (0, 0, 0))[1]  # of a map of 1 x 1
        rows, columns = (max(2 * r, 8, least + r if least else 0) for r in self.reductions)
        return channels, rows + extra, columns

    def x(
        self, batch: int = 2, size: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
    ) -> Tensor:
        """Samples of a size: token ids, or pixels (or MFCCs) of N(0.5, 0.2)."""
        shape = (batch, *(size or self.size()))
        generator = torch.Generator().manual_seed(1)
        if self.reads_ids:
            ids = torch.randint(0, self._filled.vocab, shape, generator=generator)
            return ids.to(self.device)
        pixels = 0.5 + 0.2 * torch.randn(shape, generator=generator, dtype=torch.float64)
        return pixels.to(torch.float32 if self.device == "meta" else dtype).to(self.device)

    def outputs(self, model: nn.Module, x: Tensor) -> Iterator[Tensor]:
        """What a model gives: for each scale that it has or is trained at, else once."""
        scales = getattr(model, "scales", ())
        if model.training and hasattr(model, "pyramid"):
            yield from model.pyramid(x)
        elif len(scales) < 2:
            yield model(x)
        else:
            yield from (model(x, scale=scale) for scale in scales)


@cache
def stand_in(name: str) -> Network:
    """The cheapest network of the name's class whose modules are of the same types.

    Strings and flags among the arguments stay as they are; numbers only shrink.
    """
    entry = get_entry(name)
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(load_class(entry.target)).parameters.items()
    }
    original = {**defaults, **entry.args}
    types = {type(module) for module in build_model(name, device="meta").modules()}
    args: dict[str, Any] = {"num_classes": 7} if entry.is_classifier else {}
    done: set[str] = set()
    for group in CHEAPER:
        first, *_ = group
        if first in done or type(original.get(first)) not in _alike(group[first]):
            continue
        if first == "columns" and not entry.is_classifier:
            continue  # those of a table
        smaller = {k: _smaller(original[k], v) for k, v in group.items() if original.get(k)}
        try:
            model = build_model(name, device="meta", **{**args, **smaller})
        except ValueError:
            continue
        if {type(module) for module in model.modules()} == types:
            args |= {key: value for key, value in smaller.items() if value != original[key]}
            done.add(first)
    return Network(name, args)


def _alike(value: Any) -> tuple[type, ...]:
    return (int, float) if isinstance(value, int) else (type(value),)


def _option(value: Any) -> str:
    if isinstance(value, dict):
        return str(sorted((key, _option(v)) for key, v in value.items()))
    size = isinstance(value, int | float | tuple) and not isinstance(value, bool)
    return str((value == 0, value == 1.0) if size else value)


def _smaller(value: Any, other: Any) -> Any:
    return min(value, other) if isinstance(value, int | float) else other
