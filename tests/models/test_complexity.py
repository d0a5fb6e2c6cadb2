"""Every network's counts: as recorded, and as the literature's exact counts."""

import json

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import zoo
from tests.conftest import backbone, class_of, one_of_a_kind
from tests.support.exact_counts import EXACT
from zoo.claims import counts as measuring
from zoo.models._builder import build_model
from zoo.models._complexity import IN_PLACE, ModelComplexity, count_complexity
from zoo.models._registry import get_entry, model_entries, stored_counts
from zoo.papers.weights import MODELS_DIR


@pytest.mark.parametrize("name", one_of_a_kind(model_entries(), lambda n: backbone(class_of(n))))
def test_count_every_network_matches_stored_counts(name: str) -> None:
    entry = get_entry(name)
    recorded = stored_counts(entry)
    assert count_complexity(
        build_model(name, device="meta"), entry.cfg["input_size"]
    ) == ModelComplexity(**recorded)


def operations(model: nn.Module, size: tuple[int, ...]) -> int:
    """Of convolutions and matrix products, by torch's own counter, which runs everything."""
    kind = torch.float32 if len(size) > 1 else torch.long
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=IN_PLACE) as flops:
        model(torch.empty(1, *size, device="meta", dtype=kind))
    return int(flops.get_total_flops())


FIRST = one_of_a_kind(model_entries(), lambda name: get_entry(name).task, class_of)
FLOW = "residual_flow_toy2d"  # eight seconds


@pytest.mark.parametrize(
    "name",
    [pytest.param(FLOW, marks=pytest.mark.slow) if FLOW in kind.values else kind for kind in FIRST],
)
def test_count_cached_calls_match_torch_flop_counter(name: str) -> None:
    model, size = (
        build_model(name, device="meta").eval(),
        get_entry(name).cfg["input_size"],
    )
    assert 2 * count_complexity(model, size).macs == operations(model, size)


class Calls(nn.Module):
    """Calls that differ in slices, strides and options alone; that change what they are given, make
    several tensors, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(4, 2, 3, 3, device="meta"))

    def forward(self, x: Tensor) -> Tensor:
        for length, groups, turned in ((2, 1, False), (4, 2, False), (2, 1, True), (4, 2, True)):
            part = x[:, :length] + 1
            part = part.transpose(2, 3) if turned else part
            part[:, :1] = 0
            part.unsqueeze_(0)
            part = part[0]
            y = torch.conv2d(input=part, weight=self.kernel, padding=1, groups=groups)
            first, _ = y.split(2, dim=1)
            if (2 * part).is_contiguous():
                x = x + torch.einsum("nchw,ncvw->nchv", first, first).sum()
        return x


def test_count_cache_key_covers_slices_strides_and_options() -> None:
    for _ in range(2):
        assert 2 * count_complexity(Calls(), (4, 5, 5)).macs == operations(Calls(), (4, 5, 5)) > 0


def test_stored_counts_names_equal_models_and_claims() -> None:
    recorded = {
        name for path in MODELS_DIR.glob("*/counts.json") for name in json.loads(path.read_text())
    }
    counted = [c for c in zoo.list_claims() if c.formula or (c.kind == "counted" and not c.variant)]
    assert recorded == set(model_entries()) | {measuring.counts_key(claim) for claim in counted}


@pytest.mark.parametrize(
    ("name", "args", "params", "macs"),
    one_of_a_kind(EXACT, lambda row: class_of(row[0])),
)
def test_count_matches_exact_published_counts(
    name: str, args: dict[str, object], params: int, macs: int
) -> None:
    actual = count_complexity(
        build_model(name, device="meta", **args), get_entry(name).cfg["input_size"]
    )
    assert (actual.params, actual.macs) == (params, macs)


def test_count_macs_resnet20_matches_hand_count() -> None:
    """One 3x3 from 3 to 16 channels on 32x32 pixels is 3 * 3 * 3 * 16 * 32 * 32 of them."""
    counts = count_complexity(build_model("resnet20", device="meta", num_classes=0), (3, 32, 32))
    stem = 3 * 9 * 16 * 32 * 32
    stages = 6 * 16 * 16 * 9 * 32**2 + 6 * 32 * 32 * 9 * 16**2 + 6 * 64 * 64 * 9 * 8**2
    narrower = 16 * 32 * 9 * 16**2 + 32 * 64 * 9 * 8**2  # each stage's first sees half the channels
    assert counts.macs == stem + stages - narrower


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("resnet20", 20),
        ("plain56", 56),
        ("resnet50", 50),
        ("resnet152_v1", 152),
        ("preresnet164", 164),
        ("dpn68b", 68),
        ("dpn92", 92),
    ],
)
def test_stored_counts_depth_is_weighted_layers_on_main_path(name: str, depth: int) -> None:
    assert stored_counts(get_entry(name))["depth"] == depth


@pytest.mark.parametrize(("name", "layers"), [("wrn28_10", 28), ("wrn16_8", 16), ("wrn40_4", 40)])
def test_stored_counts_wrn_convolutions_match_its_name(name: str, layers: int) -> None:
    assert stored_counts(get_entry(name))["convolutions"] == layers
