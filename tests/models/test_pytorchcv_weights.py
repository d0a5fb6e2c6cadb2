"""pytorchcv's files: every network it has weights for that the zoo has too, run and compared.

entry of published_weights.json -> its network there and here, one state dict -> equal logits
"""

from typing import Any

import pytest
import torch
from pytorchcv.model_provider import get_model
from torch import Tensor, nn

from eval.published_weights import missing_networks, pytorchcv_rows
from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, slow
from tests.support.compare import relative_error
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._conversion import detect_model
from zoo.models._registry import get_entry
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights

ENTRIES = {
    weights.name: weights
    for paper in load_papers()
    for weights in paper.weights
    if weights.provider == "pytorchcv"
}
# One network of each kind, and what no tensor of its file tells.
QUICK = {
    "resnet20.pytorchcv_cifar10": {},
    "resnet164.pytorchcv_bn_svhn": {"stride_first": True},
    "preresnet20.pytorchcv_cifar100": {"shares": True},
    "preresnet164.pytorchcv_bn_cifar10": {"stride_first": True},
    "resnext29_32x4d.pytorchcv_cifar10": {},
    "pyramidnet110_a48.pytorchcv_cifar100": {},
    "resnet18.pytorchcv_cub": {"layout": "caffe"},
    "dpn68.pytorchcv_imagenet": {},
}
SLOW = {
    "wrn16_10.pytorchcv_svhn": {},
    "pyramidnet164_a270.pytorchcv_bn_cifar10": {},
    "pyramidnet101_a360.pytorchcv_imagenet": {},
    "resnet50.pytorchcv_imagenet": {"layout": "v1.5"},
    "resnet50.pytorchcv_b_imagenet": {"layout": "v1"},
    "preresnet50.pytorchcv_imagenet": {"stride_first": False},
    "preresnet50.pytorchcv_b_imagenet": {"stride_first": True},
    "resnext50_32x4d.pytorchcv_imagenet": {},
}
CASES = [
    *QUICK.items(),
    *(pytest.param(name, args, marks=slow, id=name) for name, args in SLOW.items()),
]


def their_name(weights: Weights) -> str:
    """Return pytorchcv's name of a network, with which its files begin."""
    return weights.url.rpartition("/")[2].partition("-")[0]


def mapping_of(weights: Weights) -> KeyMapping:
    """Return the key mapping that an entry names."""
    mappings = key_mappings_of(get_entry(weights.model))
    (mapping,) = (
        m for m in mappings if m.name == weights.key_mapping and m.supports(weights.model)
    )
    return mapping


def drawn(name: str) -> nn.Module:
    """Build pytorchcv's network with weights and statistics of seed 0."""
    model: nn.Module = get_model(name).eval()
    fill(layers_of(model))
    return model


def logits(model: nn.Module, weights: Weights) -> Tensor:
    pixels: Any = weights.preprocessing["input_size"]
    with torch.inference_mode():
        return model(images(pixels[1], batch=1))


@pytest.mark.parametrize(("name", "other_args"), CASES)
def test_pytorchcv_weights_give_equal_logits_under_entry_args(
    name: str, other_args: dict[str, Any]
) -> None:
    weights = ENTRIES[name]
    theirs, mapping = drawn(their_name(weights)), mapping_of(weights)
    state = theirs.state_dict()
    assert mapping.from_zoo(mapping.to_zoo(state)).keys() == state.keys()
    expected = logits(theirs, weights)
    for args, is_equal in (({}, True), *([(other_args, False)] if other_args else [])):
        model = build_model(weights.model, **{**weights.args, **args}).double().eval()
        model.load_state_dict(mapping.to_zoo(state), strict=True)
        error = relative_error(logits(model, weights), expected)
        assert error <= SAME if is_equal else error > WRONG


@pytest.mark.parametrize("name", [n for n in QUICK if "imagenet" not in n and "cub" not in n])
def test_detect_model_finds_network_of_pytorchcv_file(name: str) -> None:
    weights = ENTRIES[name]
    match = detect_model(get_model(their_name(weights)).state_dict(), "x.pth")
    assert (match.model, match.keys.name) == (weights.model, "pytorchcv")
    assert weights.args.items() <= match.args.items()


@pytest.mark.slow
def test_all_pytorchcv_entries_fit_strictly_without_data() -> None:
    """On the meta device; the names in the list that have no entry are networks the zoo lacks."""
    for weights in ENTRIES.values():
        with torch.device("meta"):
            state = get_model(their_name(weights)).state_dict()
        model = build_model(weights.model, device="meta", **weights.args)
        expected = {key: value.shape for key, value in model.state_dict().items()}
        read = mapping_of(weights).to_zoo(state)
        assert {key: value.shape for key, value in read.items()} == expected, weights.name


def test_pytorchcv_rows_are_entries_or_missing_networks() -> None:
    rows = {row["model_name"] for row in pytorchcv_rows()}
    entries = {their_name(weights) for weights in ENTRIES.values()}
    missing = {name for names in missing_networks().values() for name in names}
    assert not entries & missing
    assert entries | missing == rows
