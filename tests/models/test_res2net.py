"""Res2Net: the constructions that have the printed sizes where timm's networks have not."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.models.test_all_parity import logits, ours
from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models.res2net.model import Res2Block
from zoo.modules.post_activation import Bottleneck


def test_dla_unused_projections_change_counts_and_no_output() -> None:
    plain = ours("dla60_res2net", seed=1)
    model = ours("dla60_res2net", seed=2, unused_projections=True)
    missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
    assert {key.rpartition(".project.")[0] for key in missing} == {
        "level3",
        "level4",
        "level4.tree1",
    }
    assert not unexpected
    assert torch.equal(logits(model, 64), logits(plain, 64))
    assert sum(p.numel() for key, p in model.named_parameters() if key in missing) == 297_472


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [("dla60_res2net", 21_145_544, 4_199_751_680), ("dla60_res2next", 17_330_456, 3_535_822_848)],
)
def test_dla_unused_projections_have_the_counts_of_the_readme(
    name: str, params: int, macs: int
) -> None:
    model = build_model(name, device="meta", unused_projections=True)
    counts = count_complexity(model, (3, 224, 224))
    assert (counts.params, counts.macs) == (params, macs)


def test_grouped_first_blocks_have_one_3x3_in_cardinality_times_scale_groups() -> None:
    model: Any = ours("res2next29_6cx24wx4s_grouped", seed=1)
    for i, stage in enumerate(("layer1", "layer2", "layer3")):
        first, *later = getattr(model, stage)
        assert type(first) is Bottleneck
        assert all(type(block) is Res2Block for block in later)
        conv: nn.Conv2d = first.conv2
        assert (conv.groups, conv.in_channels) == (24, 24 * 24 * 2**i)
    assert logits(model, 32).shape[1] == 10
