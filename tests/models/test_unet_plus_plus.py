"""UNet++ and its U-Nets: the authors' masks, pruning, heads, the order of what is joined."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.record_unet_plus_plus import CLASSES, OUT, SOME, WIDTH, fill, picture
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models.unet_plus_plus.model import UNet, UNetPlusPlus

GOLDEN = json.loads(OUT.read_text("utf-8"))
NAMES = {"unet": "unet_w32", "unetplusplus_ds": "unetplusplus_ds"}


def filled(name: str) -> Any:
    """A network of the recorder's size, with its weights, in float64."""
    return fill(build_model(NAMES[name], classes=CLASSES, width=WIDTH))


def masks(network: Any) -> Tensor:
    """Probabilities of every head at the recorder's pixels: (heads, CLASSES, ...)."""
    with torch.no_grad():
        features = network.forward_features(torch.from_numpy(picture())[None, None])
        logits = [head(features[int(j)])[0] for j, head in network.heads.items()]
    return torch.stack(logits).sigmoid()[(..., *SOME)]


@pytest.mark.parametrize("name", NAMES)
def test_masks_equal_authors_code(name: str) -> None:
    expected = torch.tensor(GOLDEN[name], dtype=torch.float64)
    torch.testing.assert_close(masks(filled(name)), expected, rtol=1e-9, atol=1e-12)


def upsampled_first(network: Any) -> None:
    for i, j in network.places:
        conv = network.units[f"{i}_{j}"][0]
        conv.weight.data = conv.weight.data.roll(conv.out_channels, 1)


def average_pooling(network: Any) -> None:
    network.units["1_0"].insert(0, nn.AvgPool2d(3, 1, 1))


def no_activation(network: Any) -> None:
    network.units["0_1"][4] = nn.Identity()


def from_the_left(network: Any) -> None:
    network.ups["0_2"] = network.ups["0_1"]


@pytest.mark.parametrize("change", [upsampled_first, average_pooling, no_activation, from_the_left])
def test_masks_of_wrong_network_are_others(change: Callable[[Any], None]) -> None:
    """The golden numbers tell these apart."""
    network = filled("unetplusplus_ds")
    change(network)
    expected = torch.tensor(GOLDEN["unetplusplus_ds"], dtype=torch.float64)
    assert (masks(network) - expected).abs().max() > 1e-3


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_prune_gives_head_of_whole_network(depth: int) -> None:
    whole, x = filled("unetplusplus_ds"), torch.from_numpy(picture())[None, None]
    pruned = whole.prune(depth)
    expected = whole.heads[str(depth)](whole.forward_features(x)[depth])
    assert torch.equal(pruned(x), expected)
    own = build_model(f"unetplusplus_l{depth}" if depth < 4 else "unetplusplus")
    shapes = {key: value.shape[2:] for key, value in pruned.state_dict().items()}
    assert shapes == {key: value.shape[2:] for key, value in own.state_dict().items()}
    assert len(whole.heads) == 4
    assert whole.depth == 4


def test_prune_without_head_raises() -> None:
    with pytest.raises(ValueError, match="there are heads at depth 4, not 2"):
        UNetPlusPlus(width=2).prune(2)


def test_eval_mode_averages_probabilities_and_training_joins_heads() -> None:
    network = filled("unetplusplus_ds")
    x = torch.from_numpy(picture())[None, None]
    features = network.forward_features(x)
    logits = torch.stack([head(features[int(j)]) for j, head in network.heads.items()])
    torch.testing.assert_close(network(x).sigmoid(), logits.sigmoid().mean(0))
    for module in network.train().modules():
        module.train(not isinstance(module, nn.Dropout))
    assert torch.equal(network(x), torch.cat(list(logits), 1))


def test_mean_of_certain_heads_is_finite() -> None:
    network: Any = UNetPlusPlus(width=2, depth=2, deep_supervision=True).eval()
    for head, value in zip(network.heads.values(), (200.0, -200.0), strict=True):
        nn.init.zeros_(head.weight)
        nn.init.constant_(head.bias, value)
    assert network(torch.rand(1, 1, 4, 4)).abs().max() < 1e-6  # one sure of it, one of the opposite


def test_masks_of_any_size_are_those_of_padded_image() -> None:
    network = filled("unet")
    x = torch.from_numpy(picture())[None, None]
    padded = torch.zeros_like(x)
    padded[..., :13, :21] = x[..., :13, :21]
    assert torch.equal(network(x[..., :13, :21]), network(padded)[..., :13, :21])


def test_u_net_has_units_of_encoder_and_decoder_alone() -> None:
    assert set(UNet(width=2, depth=3).units) == {"0_0", "1_0", "2_0", "3_0", "2_1", "1_2", "0_3"}
    both = [set(kind(width=2).units) for kind in (UNet, UNetPlusPlus)]
    assert both[0] < both[1]


def test_configuration_follows_arguments() -> None:
    cfg = pretrained_cfg(build_model("unet_w8", device="meta", in_chans=3, classes=4))
    assert (cfg["input_size"], cfg["classes"]) == ((3, 96, 96), 4)


@pytest.mark.parametrize("name", ["in_chans", "classes", "width", "depth"])
def test_sizes_below_one_raise(name: str) -> None:
    with pytest.raises(ValueError, match="in_chans, classes, width and depth are 1 or more"):
        UNet(**{name: 0})
