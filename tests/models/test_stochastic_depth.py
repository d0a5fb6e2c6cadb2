"""Stochastic depth: the probabilities, the code in PyTorch, and the paper's rule on any network.

p_l   Eq. 2 and 5 against ours   blocks left out   draws   the paper's own ratios
"""

import copy
import json
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import ROOT
from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_behaviour import train
from tests.models.test_all_parity import SAME, WRONG, ours
from tests.support.compare import relative_error
from tests.support.models import claim_on
from zoo.models._builder import build_model
from zoo.models.stochastic_depth.formulas import survivals, time_saved
from zoo.models.stochastic_depth.survival import (
    DropBlock,
    blocks_of,
    recalibrate,
    stochastic_depth,
    survival,
)
from zoo.modules.shortcuts import identity

GOLDEN = json.loads((ROOT / "tests/golden/stochastic_depth.json").read_text())["nets"]
close = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-12)
NETWORKS: dict[str, dict[str, Any]] = {  # post-activation, pre-activation, and families' own units
    "sd_resnet110": {"depth": 20},
    "resnet20": {},
    "preresnet20": {},
    "preresnet164": {"depth": 20},
    "wrn16_1": {},
    "resnext29_4x32d": {"base_width": 4},
    "pyramidnet110_a48": {"depth": 14},
    "pyramidnet164_a48": {"depth": 20},
    "res2net50_26w_4s": {"slice_width": 4},
}


class Times(nn.Module):
    """A branch times b_l, or p_l."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def drawn(name: str, **args: Any) -> Any:
    """A network in float64 with drawn weights, whose blocks survive by Eq. 4."""
    model = build_model(name, **args)
    fill(layers_of(model))
    model.double().eval()
    stochastic_depth(model, 0.5)
    return model


def with_factors(model: nn.Module, factors: list[float]) -> Any:
    """A copy whose branches are multiplied, in any mode."""
    other = copy.deepcopy(model)
    for block, factor in zip(blocks_of(other), factors, strict=True):
        block.drop_path = Times(factor)
    return other


def draws(model: nn.Module, seed: int) -> list[float]:
    """Return the draws of the blocks after this seed, one number each."""
    torch.manual_seed(seed)
    p = [survival(block) for block in blocks_of(model)]
    return [float(torch.empty(1, dtype=torch.float64).bernoulli_(each)) for each in p]


# The probabilities


@pytest.mark.parametrize(
    ("name", "args", "blocks"),
    [
        ("sd_resnet110", {}, 54),
        ("sd_resnet110", {"depth": 152}, 75),
        ("sd_resnet152", {}, 50),
        pytest.param("sd_resnet1202", {}, 600, marks=pytest.mark.slow),
    ],
)
def test_survival_linear_rule_matches_equation_4(
    name: str, args: dict[str, Any], blocks: int
) -> None:
    """Eq. 4: p_0 = 1 is the input's, p_L the last block's; in the mean (3 L - 1) / 4 survive."""
    network = build_model(name, device="meta", drop_path_rate=0.5, **args)
    actual = [survival(block) for block in blocks_of(network)]
    assert len(actual) == blocks
    assert actual == pytest.approx([1 - place / blocks * 0.5 for place in range(1, blocks + 1)])
    assert sum(actual) == pytest.approx((3 * blocks - 1) / 4)


def test_survival_default_rule_matches_timm() -> None:
    """p_1 = 1 is the first block's, so that 3 L / 4 survive: a quarter of a block more."""
    network = build_model("resnet110", device="meta", drop_path_rate=0.5)
    actual = [survival(block) for block in blocks_of(network)]
    assert (actual[0], actual[-1]) == (1, 0.5)
    assert sum(actual) == pytest.approx(3 * 54 / 4)
    stochastic_depth(network, 0.5)
    assert sum(survival(block) for block in blocks_of(network)) == pytest.approx((3 * 54 - 1) / 4)


def test_survival_uniform_and_zero_rate_match_rule() -> None:
    sketch = partial(build_model, "sd_resnet110", device="meta")
    uniform = blocks_of(sketch(rule="uniform", drop_path_rate=0.3))
    assert [survival(block) for block in uniform] == [0.7] * 54
    assert not [m for m in sketch().modules() if isinstance(m, DropBlock)]
    by_sample = blocks_of(sketch(draw="sample", drop_path_rate=0.5))
    assert not isinstance(by_sample[0].drop_path, DropBlock)


# The PyTorch code that the authors send one to


@pytest.mark.parametrize("key", GOLDEN)
def test_training_forward_matches_pytorch_code(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It divides by p_l in training as well, and draws for a batch."""
    record = GOLDEN[key]
    model = train(ours(record["ours"], record["seed"], **record["args"]))
    for step in record["training"]:
        given = iter([float(alive) for alive in step["survived"]])
        monkeypatch.setattr(Tensor, "bernoulli_", lambda x, p, given=given: x.fill_(next(given)))
        with torch.no_grad():
            actual = model(images(32))
        assert relative_error(actual, torch.tensor(step["logits"], dtype=torch.float64)) <= SAME
        assert not list(given)
    assert {alive for step in record["training"] for alive in step["survived"]} == {True, False}


# The paper's rule, and ours


@pytest.mark.parametrize("name", NETWORKS)
def test_recalibrate_every_backbone_matches_equations_2_and_5(name: str) -> None:
    """b_l f in training and p_l f in testing (Eq. 2 and 5), on any network."""
    paper = drawn(name, **NETWORKS[name])
    model, x = copy.deepcopy(paper), images(32)
    p = [survival(block) for block in blocks_of(paper)]
    recalibrate(model)
    with torch.no_grad():
        tested = with_factors(paper, p)(x)
        assert relative_error(model(x), tested) <= SAME
        assert relative_error(paper(x), tested) > WRONG
        seen = set()
        for seed in range(3):
            b = draws(model, seed)
            torch.manual_seed(seed)
            assert relative_error(train(model)(x), with_factors(paper, b)(x)) <= SAME
            seen |= set(b)
        assert seen == {0.0, 1.0}


def test_recalibrate_forward_matches_equation_5_by_block() -> None:
    paper = drawn("sd_resnet110", depth=20)
    model = copy.deepcopy(paper)
    recalibrate(model)
    with torch.no_grad():
        h = paper.act1(paper.bn1(paper.conv1(images(32))))
        for place, block in enumerate(blocks_of(paper), 1):
            p = 1 - place / 9 * 0.5
            h = (
                p * block.bn2(block.conv2(block.bn1(block.conv1(h)).relu())) + skip(h, block)
            ).relu()
        assert relative_error(model.forward_features(images(32)), h) <= SAME


def skip(h: Tensor, block: Any) -> Tensor:
    """Averages of 2x2 pixels and zeros where the size changes (Sec. 4)."""
    if block.stride == 1:
        return h
    pooled = h.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    return torch.cat([pooled, torch.zeros_like(pooled)], 1)


def test_recalibrate_gradient_is_scaled_by_survival() -> None:
    """The last weights v = p w of a branch: dL/dv = dL/dw / p, so w goes 1 / p^2 times as far."""
    paper = drawn("sd_resnet110", depth=20)
    model = copy.deepcopy(paper)
    recalibrate(model)
    ones = [1.0] * 9
    for network in (paper, model):
        factors = ones if network is paper else [1 / survival(b) for b in blocks_of(model)]
        multiplied = with_factors(network, factors)
        multiplied(images(32)).square().mean().backward()
        network.gradients = [block.bn2.weight.grad for block in blocks_of(multiplied)]
    for block, w, v in zip(blocks_of(paper), paper.gradients, model.gradients, strict=True):
        close(v, w / survival(block), rtol=1e-9, atol=1e-9 * float(w.abs().max()))


# Blocks left out, and draws


def test_dropped_block_is_identity() -> None:
    """Eq. 3: what it sees has no negative, so that the ReLU does nothing."""
    model = with_factors(drawn("sd_resnet110", depth=14), [0.0] * 6)
    x = images(32, channels=16).relu()
    with torch.no_grad():
        assert torch.equal(model.layer1(x), x)
        close(model.layer2(x), skip(x, model.layer2[0]))


def test_drop_block_draws_per_batch_and_preserves_mean() -> None:
    """All of a batch or none of it, in the mean what it is; timm's draws for each sample."""
    x = torch.ones(8, 3, 2, 2)
    torch.manual_seed(0)
    drop = DropBlock(0.4).train()
    seen = [drop(x) for _ in range(2000)]
    assert {float(y.min() - y.max()) for y in seen} == {0.0}
    alive = [float(y.max()) for y in seen if y.any()]
    assert alive == pytest.approx([1 / 0.6] * len(alive))
    assert len(alive) / 2000 == pytest.approx(0.6, abs=0.04)
    assert torch.equal(drop.eval()(x), x)
    model = train(build_model("sd_resnet110", depth=14, draw="sample", drop_path_rate=0.9))
    kept = blocks_of(model)[-1].drop_path(x).amax((1, 2, 3))
    assert kept.unique().numel() == 2


def test_sd_resnet_strided_shortcut_equals_resnet() -> None:
    """The networks of 1512.03385 have the same keys and shapes, and another shortcut."""
    plain, model = ours("resnet20"), ours("sd_resnet110", depth=20)
    with torch.no_grad():
        expected = plain(images(32))
        assert relative_error(model(images(32)), expected) > WRONG
        for block in blocks_of(model):
            block.downsample = identity(block.conv1.in_channels, block.c_out, block.stride)
        assert torch.equal(model(images(32)), expected)


def test_time_saved_and_survivals_match_paper() -> None:
    """Those that the contradictions of paper.toml tell."""
    hours = [
        (20 * 60 + 42, 15 * 60 + 7),
        (20 * 60 + 51, 15 * 60 + 20),
        (33 * 60 + 43, 25 * 60 + 33),
    ]
    saved = [round(100 * (1 - short / long), 1) for long, short in hours]
    assert saved == [27.0, 26.5, 24.2]
    errors = [(6.67, 4.91), (13.63, 11.66), (44.74, 37.8), (6.41, 5.25)]
    better = [round(100 * (1 - less / more), 1) for more, less in errors]
    assert better == [26.4, 14.5, 15.5, 18.1]
    claim = claim_on("sd_resnet110", args={"drop_path_rate": 0.5})
    assert time_saved(claim) == (25, pytest.approx(25.463, abs=1e-3))
    assert sum(survivals(claim)) == pytest.approx(40.25)


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ({"rule": "cosine"}, "rule .* linear, uniform, not 'cosine'"),
        ({"draw": "pixel"}, "draw .* batch, sample, not 'pixel'"),
        ({"drop_path_rate": 1.0}, "1 - p_L must be at least 0 and below 1 .* not 1.0"),
    ],
)
def test_sd_resnet_invalid_argument_raises(args: dict[str, Any], rule: str) -> None:
    for name in ("sd_resnet110", "sd_resnet152"):
        with pytest.raises(ValueError, match=rule):
            build_model(name, device="meta", **args)
