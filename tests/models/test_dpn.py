"""Dual Path Networks: what each path is by its definition, Table 1's widths, DPN-68b, sizes."""

from typing import Any

import pytest
import timm
import torch

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models._registry import get_entry, stored_counts
from zoo.models.dpn.dual_path import DualPath

SMALL: dict[str, Any] = {"stages": ((2, 4), (3, 5)), "cardinality": 4, "base_width": 2}
DEPTHS = {"dpn92": (3, 4, 20, 3), "dpn98": (3, 6, 20, 3)}
INCREMENTS = {"dpn92": (16, 32, 24, 128), "dpn98": (16, 32, 32, 128)}


def test_dual_path_residual_adds_and_dense_concatenates() -> None:
    """Sec. 4.2, block by block: r = r_0 + sum of r', d = [d_0, d'_1, d'_2, ...]."""
    model: Any = ours("dpn92", **SMALL)
    for stage, depth, k in ((2, 2, 4), (3, 3, 5)):
        names = [f"features.conv{stage}_{i + 1}" for i in range(depth)]
        blocks: list[Any] = [model.get_submodule(name) for name in names]
        width = 256 * 2 ** (stage - 2)
        x = images(6, channels=blocks[0].c1x1_a.bn.num_features)
        skip = model.get_submodule(f"{names[0]}.c1x1_w_s{stage - 1}")(x)
        residual, dense = skip[:, :width], [skip[:, width:]]
        assert dense[0].shape[1] == 2 * k
        for block in blocks:
            new, more = block.outputs(x)
            residual = residual + new
            dense.append(more)
            x = block(x)
            assert more.shape[1] == k
            assert torch.equal(x, torch.cat([residual, *dense], 1))
            assert x.shape[1] == block.c_out


@pytest.mark.parametrize(("name", "width", "cardinality"), [("dpn92", 96, 32), ("dpn98", 160, 40)])
def test_build_model_widths_match_table_1(name: str, width: int, cardinality: int) -> None:
    """1x1, w; 3x3, w in G groups; 1x1, 256 (+k): in conv2, and twice as many in each after it."""
    model: Any = build_model(name, device="meta")
    for i, (depth, k) in enumerate(zip(DEPTHS[name], INCREMENTS[name], strict=True)):
        for j in range(depth):
            block = model.get_submodule(f"features.conv{i + 2}_{j + 1}")
            first, second, third = (
                part.conv for part in (block.c1x1_a, block.c3x3_b, block.c1x1_c)
            )
            assert (first.out_channels, first.kernel_size) == (width << i, (1, 1))
            assert (second.out_channels, second.kernel_size) == (width << i, (3, 3))
            assert (third.out_channels, third.kernel_size) == ((256 << i) + k, (1, 1))
            assert second.groups == cardinality
            assert second.stride == ((2, 2) if i and not j else (1, 1))
    assert [info["reduction"] for info in model.feature_info] == [2, 4, 8, 16, 32]


@pytest.mark.parametrize("name", ["dpn68", "dpn68b", "dpn92", "dpn98", "dpn131", "dpn107"])
def test_build_model_feature_info_keys_and_cfg_match_timm(name: str) -> None:
    model: Any = build_model(name, device="meta")
    with torch.device("meta"):
        other: Any = timm.create_model(f"{name}.mx_in1k")
    assert model.feature_info == other.feature_info
    assert [*model.state_dict()] == [*other.state_dict()]
    for key in ("mean", "std", "first_conv", "classifier", "interpolation", "crop_pct"):
        assert model.pretrained_cfg[key] == other.pretrained_cfg[key], key


def test_dpn68b_with_split_last_conv_equals_dpn68() -> None:
    model, split = ours("dpn68"), ours("dpn68b", seed=1)
    state = {}
    for key, value in model.state_dict().items():
        block = key.removesuffix(".c1x1_c.conv.weight")
        if block == key:
            state[key] = value
        else:
            width: Any = model.get_submodule(block).residual
            state[f"{block}.c1x1_c1.weight"] = value[:width]
            state[f"{block}.c1x1_c2.weight"] = value[width:]
    x = images(64)
    with torch.no_grad():
        assert relative_error(split(x), model(x)) > 1e-2
        split.load_state_dict(state, strict=True)
        assert relative_error(split(x), model(x)) < 1e-12


def test_dual_path_unread_dense_channels_is_residual_unit() -> None:
    """What the dense path has reaches neither the residual path nor the logits if no weight reads
    it: then r + F(r) is a pre-activation unit of 1603.05027."""
    block = DualPath(24, 16, 8, 4, stride=1, first=False, cardinality=2, split=False).eval()
    fill(layers_of(block))
    with torch.no_grad():
        block.c1x1_a.conv.weight[:, 16:] = 0
        x, other = images(5, channels=24), images(5, channels=24, seed=2)
        other[:, :16] = x[:, :16]
        assert torch.equal(block(x)[:, :16], block(other)[:, :16])
        assert not torch.equal(block(x)[:, 16:], block(other)[:, 16:])
        y = block.c1x1_c(block.c3x3_b(block.c1x1_a(x)))
        assert torch.equal(block(x)[:, :16], x[:, :16] + y[:, :16])


@pytest.mark.parametrize(
    ("name", "millions"),
    [("dpn92", 37.8), ("dpn98", 61.7), ("resnext101_32x4d", 44.3), ("resnext101_64x4d", 83.7)],
)
def test_state_dict_size_matches_table_1(name: str, millions: float) -> None:
    model: Any = build_model(name, device="meta")
    assert round(sum(x.numel() for x in model.state_dict().values()) / 1e6, 1) == millions
    assert round(sum(x.numel() for x in model.parameters()) / 1e6, 1) < millions


def test_stored_counts_abstract_savings_match_dpn98() -> None:
    """26 % smaller and 25 % less computation than the best ResNeXt-101; DPN-92 is 55 and 58 %."""
    names = ("dpn98", "dpn92", "resnext101_64x4d")
    actual = [stored_counts(get_entry(name)) for name in names]
    shares = [
        [round(100 * (1 - row[key] / actual[2][key])) for key in ("params", "macs")]
        for row in actual[:2]
    ]
    assert shares == [[26, 25], [55, 58]]


@pytest.mark.parametrize("stages", [(), ((0, 16),), ((3, 0), (4, 32))])
def test_build_model_empty_stage_raises(stages: Any) -> None:
    with pytest.raises(ValueError, match=r"stages must be pairs .*Table 1"):
        build_model("dpn92", device="meta", stages=stages)
