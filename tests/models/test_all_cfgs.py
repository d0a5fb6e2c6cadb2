"""A network's pretrained_cfg is true of the network: final map, channels, order of features."""

from typing import Any

import pytest
import torch

import zoo
from zoo.models._builder import build_model
from zoo.models._registry import model_entries

CLASSIFIERS = {  # one of each class and configuration
    (entry.target, str(entry.cfg)): name
    for name, entry in reversed(model_entries().items())
    if entry.is_classifier
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS.values())
def test_pool_size_is_that_of_the_final_map(name: str) -> None:
    network: Any = build_model(name, device="meta").eval()
    cfg = network.pretrained_cfg
    features = network.forward_features(torch.empty(1, *cfg["input_size"], device="meta"))
    assert tuple(features.shape[-2:]) == cfg["pool_size"]


def test_cfg_of_other_channels_has_them() -> None:
    for channels, mean in ((1, 1), (4, 3), (3, 3)):
        cfg = zoo.create("resnet20", in_chans=channels).pretrained_cfg
        assert (cfg["input_size"], len(cfg["mean"])) == ((channels, 32, 32), mean)  # type: ignore[arg-type, index]


@pytest.mark.parametrize("name", ["resnet20", "wrn16_1"])
@pytest.mark.parametrize("out_indices", [(3, 1), (1, 3), (-1, 0), (2,)])
def test_features_are_in_the_order_of_feature_info(name: str, out_indices: tuple[int, ...]) -> None:
    network: Any = zoo.create(name, features_only=True, out_indices=out_indices).eval()
    features = network(torch.zeros(1, 3, 32, 32))
    assert [f.shape[1] for f in features] == network.feature_info.channels()
    assert [32 // f.shape[2] for f in features] == network.feature_info.reduction()
