"""Wide ResNet on ImageNet with BatchNorm folded, as its first author publishes it for PyTorch."""

from typing import Any

import torch
from torch import Tensor, nn

import zoo
from tests.models.test_all_parity import SAME, logits
from tests.support.compare import relative_error
from tests.support.models import make_model
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.claims.matching import is_applicable
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._registry import get_entry, list_weights

BLOCKS = (3, 4, 6, 3)


def mapping() -> KeyMapping:
    mappings = key_mappings_of(get_entry("wide_resnet50_2"))
    return next(each for each in mappings if "folded" in each.name)


def folded(conv: nn.Conv2d, norm: Any) -> tuple[Tensor, Tensor]:
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def exported(network: Any) -> dict[str, Tensor]:
    """The names that wide-resnet-50-2-export.ipynb of functional-zoo prints."""
    pairs = {"conv0": (network.conv1, network.bn1)}
    for group in range(4):
        for number, unit in enumerate(getattr(network, f"layer{group + 1}")):
            base = f"group{group}.block{number}.conv"
            for i in range(3):
                conv, norm = getattr(unit, f"conv{i + 1}"), getattr(unit, f"bn{i + 1}")
                pairs[f"{base}{i}"] = (conv, norm)
            if number == 0:
                pairs[f"{base}_dim"] = tuple(unit.downsample)
    state = {"fc.weight": network.fc.weight, "fc.bias": network.fc.bias}
    for name, pair in pairs.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = folded(*pair)
    return state


@torch.no_grad()
def test_folded_weights_give_logits_of_network_with_batch_norm() -> None:
    network = make_model("wide_resnet50_2", width=0.25)
    state = exported(network)
    ours: Any = build_model("wide_resnet50_2", width=0.25, folded=True).double().eval()
    ours.load_state_dict(mapping().to_zoo(state), strict=True)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in ours.modules())
    assert relative_error(logits(ours, 64), logits(network, 64)) <= SAME
    ours.layer2[0].conv2.bias.zero_()
    assert relative_error(logits(ours, 64), logits(network, 64)) > 1e-3


def test_entry_of_folded_weights_fits_the_names_of_the_file() -> None:
    (weights,) = (w for w in list_weights("wide_resnet50_2") if w.provider == "functional-zoo")
    assert (weights.relation, weights.sum) == ("official", "sha256:5ae25d50")
    network: Any = build_model(weights.model, device="meta", **weights.args)
    theirs = mapping().from_zoo(network.state_dict())
    whole = build_model(weights.model, device="meta")
    expected = {key: tuple(value.shape) for key, value in exported(whole).items()}
    assert {key: tuple(value.shape) for key, value in theirs.items()} == expected
    assert len(expected) == 2 * (2 + sum(3 * blocks + 1 for blocks in BLOCKS))


def test_folded_weights_may_judge_claims_of_the_network() -> None:
    (weights,) = (w for w in list_weights("wide_resnet50_2") if w.provider == "functional-zoo")
    claims = [c for c in zoo.list_claims("wide_resnet50_2", kind="measured") if not c.variant]
    judged = {str(c.value) for c in claims if is_applicable(weights, c)}
    assert judged == {"21.9", "6.03", "5.79"}
