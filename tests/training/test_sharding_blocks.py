"""What may be sharded, and into which blocks."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.models import test_all_language_models as decoders
from tests.training.test_sharding import small
from zoo.models._builder import build_model
from zoo.training import sharding


@pytest.mark.parametrize(
    ("precision", "layout", "message"),
    [
        ("fp16", torch.contiguous_format, "takes bf16 or no"),
        ("no", torch.channels_last, "channels_last is for runs that are not sharded"),
    ],
)
def test_sharding_check_unsupported_options_raise(
    precision: str, layout: torch.memory_format, message: str
) -> None:
    two: Any = SimpleNamespace(num_processes=2)
    with pytest.raises(ValueError, match=message):
        sharding.check(two, small(precision=precision), layout)


@pytest.mark.parametrize("name", decoders.TARGETS.values())
def test_blocks_of_language_model_are_its_layers(name: str) -> None:
    model: Any = build_model(name, device="meta")
    gates = getattr(model.connections, "gates", ())  # of a nano, they are large beside its layers
    assert [b for b in sharding.blocks(model) if b not in {*gates}] == list(model.layers)


def test_blocks_small_ones_are_not_sharded() -> None:
    model: Any = build_model("resnet18", device="meta")
    assert sharding.blocks(model) == [*model.layer3, *model.layer4]
