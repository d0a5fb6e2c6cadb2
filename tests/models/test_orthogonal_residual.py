"""Orthogonal residual updates: equal to the authors' code, and orthogonal, in float64.

Their logits   the bound of eps   the norm   a plain sum where f is orthogonal already   every unit

The transformers are in test_orthogonal_residual_vit.py.
"""

import json
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import ROOT
from tests.golden.fill import images
from tests.models.test_all_language_models import ids, small
from tests.modules.test_connections import DECODERS
from tests.support.models import make_model
from zoo.models._builder import build_model
from zoo.models.orthogonal_residual.update import EPS, UPDATES, orthogonal, orthogonal_sum
from zoo.models.orthogonal_residual.vision import OrthogonalStream

GOLDEN = json.loads((ROOT / "tests/golden/orthogonal_residual.json").read_text())["nets"]
PREFIX = {"feature": "orthogonal", "global": "orthogonal_global", "linear": "linear"}
DIMS = {"feature": (1,), "global": (1, 2, 3)}
close = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-12)
every_update = pytest.mark.parametrize("dims", DIMS.values(), ids=list(DIMS))


def drawn(shape: tuple[int, ...] = (2, 16, 5, 6)) -> tuple[Tensor, Tensor]:
    """A branch and a skip that lean to each other."""
    generator = torch.Generator().manual_seed(0)
    branch, skip = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return branch + 0.7 * skip, skip


@pytest.mark.parametrize(
    "key", [pytest.param(k, marks=pytest.mark.slow if k[:2] == "50" else ()) for k in GOLDEN]
)
def test_orthogonal_resnet_logits_match_authors(key: str) -> None:
    """To the last bit for the plain sum; their quotient is in float32."""
    depth, update = key.split()
    logits = torch.tensor(GOLDEN[key]["logits"], dtype=torch.float64)
    with torch.no_grad():
        actual = make_model(f"{PREFIX[update]}_resnetv2_{depth}").double()(images(32))
    rtol = 1e-13 if update == "linear" else 1e-8
    torch.testing.assert_close(actual, logits, rtol=0, atol=rtol * float(logits.abs().max()))


@every_update
def test_orthogonal_update_is_orthogonal_to_stream(dims: tuple[int, ...]) -> None:
    """But for <x, f> eps / (|x|^2 + eps), which is exact, and tiny."""
    branch, skip = drawn()
    dot, norm = ((skip * y).sum(dims) for y in (branch, skip))
    for eps in (EPS, 0.5):
        left = (skip * orthogonal(branch, skip, dims=dims, eps=eps)).sum(dims)
        close(left, dot * eps / (norm + eps))
    assert (left.abs() > 1e-3).all()
    assert ((skip * orthogonal(branch, skip, dims=dims)).sum(dims).abs() < dot.abs() * 1e-4).all()


@every_update
def test_orthogonal_sum_norm_obeys_pythagoras(dims: tuple[int, ...]) -> None:
    """The norm of a stream never falls: what would shorten it lies along it."""
    branch, skip = drawn()
    added = orthogonal(branch, skip, dims=dims, eps=0.0)
    squares = [y.square().sum(dims) for y in (skip + added, skip, added)]
    close(squares[0], squares[1] + squares[2])
    against = orthogonal_sum(-2 * skip, skip, dims=dims)
    close(against, skip, rtol=1e-5, atol=1e-5)


@every_update
def test_orthogonal_sum_orthogonal_branch_is_plain_sum(dims: tuple[int, ...]) -> None:
    branch, skip = drawn()
    upright = orthogonal(branch, skip, dims=dims, eps=0.0)
    close(orthogonal_sum(upright, skip, dims=dims), upright + skip)
    assert (orthogonal_sum(branch, skip, dims=dims) - branch - skip).abs().max() > 0.1


def test_orthogonal_sum_zero_stream_gives_branch() -> None:
    branch, skip = drawn()
    assert torch.equal(orthogonal_sum(branch, skip * 0, dims=(1,)), branch)


@pytest.mark.parametrize("update", DIMS)
def test_orthogonal_resnet_every_unit_is_orthogonal(update: str) -> None:
    """Of 34 layers, with drawn weights: no unit adds anything along its stream."""
    model, seen = make_model(f"{PREFIX[update]}_resnetv2_34").double().requires_grad_(False), []
    x = model.act1(model.bn1(model.conv1(images(32))))
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        for unit in stage:
            skip, x = unit.downsample(x), unit(x)
            cosine = torch.cosine_similarity(
                *((y.flatten(1) if update == "global" else y) for y in (x - skip, skip))
            )
            seen.append(float(cosine.abs().max()))
    assert len(seen) == 16
    assert max(seen) < 1e-4  # of eps, where all of a pixel is small


def test_orthogonal_resnet_adds_no_parameters() -> None:
    for depth in (18, 101):
        shapes = [
            {key: value.shape for key, value in build_model(name, device="meta").named_parameters()}
            for name in (f"{prefix}_resnetv2_{depth}" for prefix in PREFIX.values())
        ]
        assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("path", DECODERS)
def test_orthogonal_stream_any_decoder_changes_logits(path: str) -> None:
    """As the authors' Llama does: without a line of its own."""
    plain = small(path)
    model = small(path, connections=OrthogonalStream)
    model.load_state_dict(plain.state_dict())
    assert (model(ids()) - plain(ids())).abs().max() > 1e-3


def test_orthogonal_bf16_input_gives_bf16_output() -> None:
    branch, skip = (y.bfloat16() for y in drawn())
    assert orthogonal(branch, skip, dims=(1,)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("name", "args", "rule"),
    [
        ("orthogonal_resnetv2_18", {"depth": 19}, "depth .* 18, 34, 50, 101, not 19"),
        ("orthogonal_resnetv2_18", {"update": "F"}, "update .* feature, global, linear, not 'F'"),
        ("orthogonal_vit_s16", {"update": "global"}, "update .* feature, linear, not 'global'"),
    ],
)
def test_orthogonal_models_invalid_args_raise(name: str, args: dict[str, Any], rule: str) -> None:
    assert set(UPDATES) == set(PREFIX)
    with pytest.raises(ValueError, match=rule):
        build_model(name, device="meta", **args)


def test_initialise_is_that_of_pytorch_as_in_the_authors_code() -> None:
    """preactresnet.py at 4f663d3 and train_classifier.py set no initialisation: U(-b, b), with
    b = 1 / sqrt(fan_in), whose deviation is b / sqrt(3)."""
    torch.manual_seed(0)
    network = build_model("linear_resnetv2_18")
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    for conv in convolutions:
        bound = conv.weight[0].numel() ** -0.5
        assert float(conv.weight.detach().abs().max()) <= bound * (1 + 1e-6)
        assert float(conv.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.05)
