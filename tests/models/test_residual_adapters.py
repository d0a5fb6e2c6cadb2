"""Residual adapters: the authors' network with two domains, switching, folding, wrong variants.

test_all_parity.py compares those with one domain (golden/residual_adapters.json).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.conftest import first_alone
from tests.golden.fill import fill, images
from tests.models.test_all_parity import FILES, SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._registry import get_entry
from zoo.models.residual_adapters.adapters import AdaptedConv, Series
from zoo.models.residual_adapters.folding import fold
from zoo.models.residual_adapters.model import OF_DOMAINS, ResidualAdapterResNet
from zoo.training.loop import freeze_others

RECORD = json.loads((FILES / "residual_adapters.json").read_text("utf-8"))["switched"]
KINDS = ["none", "series", "parallel"]
SMALL: dict[str, Any] = {"width": 4, "num_classes": 5, "domains": (3, 7)}


def small(kind: str) -> ResidualAdapterResNet:
    model: Any = ours("resadapt26", adapter=kind, **SMALL)
    return model


def adapted(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, AdaptedConv)]


def in_authors_order(model: Any) -> list[nn.Module]:
    """The layers as the authors define them: all parallel adapters before all BatchNorms."""
    layers: list[nn.Module] = []
    for conv in adapted(model):
        layers.append(conv.conv)
        layers += [own.adapter for own in conv.domains]
        layers += [own.bn for own in conv.domains]
    return [*layers, *model.bn, *model.linears]


@pytest.mark.parametrize("kind", KINDS)
def test_second_domain_equals_authors_network(kind: str) -> None:
    record = RECORD[kind]
    model: Any = ours(record["ours"], **record["args"])
    if kind == "parallel":
        fill(in_authors_order(model))
    expected = torch.tensor(record["logits"], dtype=torch.float64)
    assert logits(model, record["size"]).shape[1] == record["args"]["num_classes"]
    model.set_domain(record["domain"])
    assert relative_error(logits(model, record["size"])[:, :10], expected) <= SAME


@pytest.mark.parametrize("kind", KINDS)
def test_authors_keys_map_to_domains(kind: str) -> None:
    entry, record = get_entry(RECORD[kind]["ours"]), RECORD[kind]
    (mapping,) = (m for m in key_mappings_of(entry) if m.supports(entry.name))
    state = build_model(entry.name, device="meta", **record["args"]).state_dict()
    theirs = mapping.from_zoo(state)
    assert set(record["keys"]) <= set(theirs)
    assert mapping.to_zoo(theirs).keys() == state.keys()
    assert mapping.has_required_keys(record["keys"])


# Wrong in one place


def shares_statistics(model: nn.Module) -> None:
    """One BatchNorm for all domains, the adapters alone being their own."""
    for conv in adapted(model):
        for own in conv.domains:
            own.bn = conv.domains[0].bn


def no_norm_in_adapter(model: nn.Module) -> None:
    for conv in adapted(model):
        for own in conv.domains:
            own.norm = nn.Identity()


def stem_without_adapter(model: Any) -> None:
    for own in model.conv1.domains:
        own.adapter.weight.data.zero_()


def relu_after_stem(model: nn.Module) -> None:
    """As in other ResNets; here the first block sees the BatchNorm's output as it is."""
    model.get_submodule("conv1").register_forward_hook(lambda module, args, out: out.relu())


def pixels_in_shortcut(model: Any) -> None:
    """Every second pixel, not the average of four."""
    for stage in (model.layer1, model.layer2, model.layer3):
        stage[0].downsample[0] = nn.MaxPool2d(1, 2)


CHANGES = [
    shares_statistics,
    no_norm_in_adapter,
    stem_without_adapter,
    relu_after_stem,
    pixels_in_shortcut,
]


@pytest.mark.parametrize("change", first_alone(CHANGES))
def test_network_wrong_in_one_place_has_other_logits(change: Callable[[nn.Module], None]) -> None:
    model = small("series")
    model.set_domain(1)
    expected = logits(model, 16)
    change(model)
    assert relative_error(logits(model, 16), expected) > WRONG


# Domains


@pytest.mark.parametrize("kind", ["series", "parallel"])
def test_zero_adapters_equal_the_base_network(kind: str) -> None:
    model, plain = small(kind), small("none")
    for conv in adapted(model):
        for own in conv.domains:
            own.adapter.weight.data.zero_()
    state = model.state_dict()
    plain.load_state_dict({key: state[key] for key in plain.state_dict()})
    assert torch.equal(logits(model, 16), logits(plain, 16))


@pytest.mark.parametrize("kind", KINDS)
def test_training_a_domain_leaves_all_else_as_it_was(kind: str) -> None:
    """Sec. 4, learning without forgetting: with the 3x3s fixed, other domains stay to the bit."""
    model = small(kind)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    outputs = logits(model, 16)
    freeze_others(model, OF_DOMAINS)
    model.set_domain(2)
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model(images(16)).square().sum().backward()
    optimizer.step()
    changed = {k for k, value in model.state_dict().items() if not torch.equal(value, before[k])}
    own = (".domains.2.", "bn.2.", "linears.2.")
    assert changed
    assert all(any(part in key for part in own) for key in changed)
    assert len(changed) > 2 * len(adapted(model))
    model.eval().set_domain(0)
    assert torch.equal(logits(model, 16), outputs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("domain", [0, 2])
def test_folded_network_has_the_domains_outputs_without_adapters(kind: str, domain: int) -> None:
    model = small(kind)
    model.set_domain(domain)
    plain = fold(model)
    classes = (5, 3, 7)[domain]
    base: Any = build_model("resadapt26", width=4, num_classes=classes).double().eval()
    base.load_state_dict(plain.state_dict())
    expected = logits(model, 16)
    assert relative_error(logits(base, 16), expected) <= SAME
    assert logits(base, 16).shape[1] == classes


def test_fold_without_the_constant_differs() -> None:
    model = small("series")
    plain = fold(model)
    for own, other in zip(adapted(model), adapted(plain), strict=True):
        assert isinstance(own.domains[0], Series)
        other.domains[0].bn.running_mean.copy_(own.domains[0].bn.running_mean)
    assert relative_error(logits(plain, 16), logits(model, 16)) > WRONG


def test_timm_methods_see_the_active_classifier() -> None:
    model = small("series")
    model.set_domain(1)
    assert (model.num_classes, model.get_classifier(name_only=True)) == (3, "linears.1")
    model.reset_classifier(9)
    assert model(torch.zeros(1, 3, 16, 16, dtype=torch.float64)).shape == (1, 9)
    model.set_domain(0)
    head = model.get_classifier()
    assert isinstance(head, nn.Linear)
    assert model.num_classes == head.out_features == 5
    model.drop_head()
    assert not list(model.linears.parameters())
    with pytest.raises(ValueError, match="domain must be from 0 to 2, as there are 3, not 3"):
        model.set_domain(3)


def test_build_model_unknown_adapter_raises() -> None:
    with pytest.raises(ValueError, match="adapter must be one of none, series, parallel, not 'up'"):
        build_model("resadapt26", adapter="up")


@pytest.mark.parametrize(("kind", "added"), [("series", 704_128), ("parallel", 652_960)])
def test_domain_costs_an_eighth_of_the_shared_weights(kind: str, added: int) -> None:
    """12.1 and 11.2 % of a network without its classifier; the paper has 2x for ten domains."""

    def params(**args: Any) -> int:
        model: Any = build_model("resadapt26", device="meta", num_classes=0, **args)
        return sum(p.numel() for p in model.parameters())

    assert params(adapter=kind, domains=(0,)) - params(adapter=kind) == added
