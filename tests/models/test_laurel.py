"""LAuReL: the plain network where it should be, and the paper's formulas, restated, in float64.

B = 0 and alpha = beta = 1   Eq. 5 and 6   one matrix   first weights   Table 4's counts   caches
"""

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_language_models import ids, small
from zoo.models._builder import build_model
from zoo.models.laurel.language import LaurelStream
from zoo.models.laurel.model import LaurelStage
from zoo.models.laurel.residual import PARTS, K, Laurel, LowRank

TARGET = "zoo.models.laurel.language:LAuReLGPT2"
RESNETS = ["laurel_rw_resnet50", "laurel_lr_resnet50", "laurel_pa_resnet50"]
RESNETS += ["laurel_rw_lr_resnet50", "laurel_rw_lr_pa_resnet50"]
COMBINED = [parts for parts in PARTS if parts]
close = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-12)


def resnets(name: str, **args: Any) -> tuple[Any, Any]:
    """Return a plain ResNet-50 with random weights, and LAuReL's with the same."""
    plain, model = build_model("resnet50"), build_model(name, **args)
    fill(layers_of(plain))
    missing, unknown = model.double().load_state_dict(plain.state_dict(), strict=False)
    assert not unknown
    assert all(".merge." in key for key in missing)
    return plain.double().eval(), model.eval()


def draw(model: torch.nn.Module) -> None:
    """Weights of LAuReL that are all at work."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "merge" in name or isinstance(model, Laurel):
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data.copy_(drawn * (0.1 if parameter.dim() > 1 else 0.5))


@pytest.mark.parametrize(
    "name", [*(pytest.param(n, marks=pytest.mark.slow) for n in RESNETS[:-1]), RESNETS[-1]]
)
def test_laurel_resnet_at_init_equals_resnet50(name: str) -> None:
    """B and an identity's gamma are 0; RW's two weights are 1 if nothing normalises them."""
    plain, model = resnets(name, normalisation="none")
    with torch.no_grad():
        expected, actual = plain(images(64)), model(images(64))
        assert torch.equal(actual, expected)
        draw(model)
        assert (model(images(64)) - expected).abs().max() > 1e-3


def test_laurel_softmax_at_init_halves_block_output() -> None:
    plain, model = resnets("laurel_rw_resnet50")
    block: Any = model.layer1[1]
    x = images(8, channels=256)
    with torch.no_grad():
        close(block(x), plain.layer1[1](x) / 2)
        block.merge.weights.data.copy_(torch.tensor([1.5, 0.0]))
        alpha, beta = block.merge.weights.softmax(0)
        close(block(x), (alpha * block.residual(x) + beta * x).relu())
        assert (model(images(64)) - plain(images(64))).abs().max() > 1e-3


def test_laurel_normalization_mixes_alpha_and_beta() -> None:
    """Sec. 2.1: alpha + beta = 1, or each below 1, or what they are."""
    branch, x = images(4, channels=6), images(4, channels=6, seed=2)
    weights = torch.tensor([1.0, -0.5], dtype=torch.float64)
    for name, mixing in {
        "softmax": torch.tensor([1.5, 0.0]).double().sigmoid(),
        "sigmoid": 1 / (1 + (-weights).exp()),
        "none": weights,
    }.items():
        merge = Laurel(6, parts="rw", rank=1, normalisation=name).double()
        merge.weights.data.copy_(weights)
        alpha = mixing[0]
        beta = 1 - alpha if name == "softmax" else mixing[1]
        close(merge(branch, x), alpha * branch + beta * x)


@pytest.mark.parametrize("parts", COMBINED)
@pytest.mark.parametrize("image", [True, False])
def test_laurel_forward_matches_equations_2_to_6(parts: str, image: bool) -> None:
    """Eq. 2 to 6 with matrices, the channels last."""
    width, rank, terms = 12, 3, K if "pa" in parts else 1
    merge = Laurel(width, parts=parts, rank=rank, earlier=terms, language=not image).double()
    draw(merge)
    generator = torch.Generator().manual_seed(0)
    branch, *stream = torch.randn(1 + terms, 2, 5, 7, width, generator=generator).double()
    g = stream[0]
    for j, x in enumerate(stream if parts != "rw" else []):
        h: Any = merge.maps[j]
        mapped = x @ (h.B @ h.A).T if "lr" in parts else x
        g = g + (merge.gamma[j] * mapped if "pa" in parts else mapped)
    alpha, beta = merge.weights.softmax(0) if "rw" in parts else (1, 1)
    expected = alpha * branch + beta * g
    tensors = [y.movedim(3, 1) if image else y.flatten(1, 2) for y in (branch, *stream)]
    actual = merge(*tensors)
    close(actual.movedim(1, 3) if image else actual.view_as(expected), expected)


def test_low_rank_folded_is_one_matrix_of_given_rank() -> None:
    low = LowRank(16, 3, language=False).double()
    low.B.data.normal_(generator=torch.Generator().manual_seed(0))
    x = images(4, channels=16)
    folded = low.folded()
    close(low(x), torch.einsum("oi,bihw->bohw", folded, x))
    assert folded.shape == (16, 16)
    assert torch.linalg.matrix_rank(folded) == 3


def test_low_rank_spread_init_matches_footnote_2() -> None:
    """Footnote 2: A_ij = 1 / sqrt(r D) if i mod r = j, and B = 0."""
    low = LowRank(10, 4, language=True)
    expected = [[40**-0.5 if i % 4 == j else 0.0 for i in range(10)] for j in range(4)]
    torch.testing.assert_close(low.A.data, torch.tensor(expected))
    assert not low.B.any()


def test_laurel_stage_previous_activations_match_equation_6() -> None:
    """Eq. 6 in the third stage, block by block, with the activations kept by hand."""
    _, model = resnets("laurel_rw_lr_pa_resnet50")
    draw(model)
    stage = model.layer3
    assert isinstance(stage, LaurelStage)
    x, skips = images(8, channels=512), []
    with torch.no_grad():
        actual = stage(x)
        for i, block in enumerate(stage):
            assert len(block.merge.maps) == min(i + 1, K)
            skips.insert(0, block.downsample(x))
            terms = [
                gamma * torch.einsum("oi,bihw->bohw", h.folded(), y)
                for gamma, h, y in zip(block.merge.gamma, block.merge.maps, skips, strict=False)
            ]
            alpha, beta = block.merge.weights.softmax(0)
            x = (alpha * block.residual(x) + beta * (skips[0] + sum(terms))).relu()
    close(actual, x, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_laurel_stage_checkpointing_gives_same_gradients() -> None:
    """A stage is recomputed as a whole: block by block, it would forget."""
    _, model = resnets("laurel_rw_lr_pa_resnet50")
    draw(model)
    other = copy.deepcopy(model)
    other.set_grad_checkpointing()
    gradients = []
    for network in (model, other):
        network.train()
        network(images(32)).square().sum().backward()
        gradients.append(network.layer3[2].merge.maps[2].A.grad)
    assert gradients[0].abs().max() > 0
    close(gradients[0], gradients[1], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "added"),
    [
        ("laurel_rw_resnet50", 2 * 16),
        ("laurel_lr_resnet50", 2 * 16 * 15_104),
        ("laurel_pa_resnet50", 36),
        ("laurel_rw_lr_resnet50", 2 * 16 + 2 * 16 * 15_104),
        ("laurel_rw_lr_pa_resnet50", 2 * 16 + 36 + 2 * 16 * 33_792),
        ("resnet53", 1_117_184),
    ],
)
def test_build_model_added_params_match_table_4(name: str, added: int) -> None:
    """Table 4; 256, 512, 1,024 and 2,048 channels in 3, 4, 6 and 3 blocks are 15,104."""
    network: Any = build_model(name, device="meta")
    assert sum(p.numel() for p in network.parameters()) == 25_557_032 + added


# Language


def plain_and(parts: str, **args: Any) -> tuple[Any, Any]:
    plain = small("zoo.models.gpt2.model:GPT2")
    model = small(TARGET, parts=parts, rank=4, **args)
    first = LaurelStream(3, 32, parts=parts, rank=4, normalisation="none").double()
    own = {f"connections.{key}": value for key, value in first.state_dict().items()}
    model.load_state_dict(plain.state_dict() | own)
    return plain, model


@pytest.mark.parametrize("parts", COMBINED)
def test_laurel_gpt2_at_init_equals_gpt2(parts: str) -> None:
    """(x + a) + m and x + (a + m) are not one number to the last bit."""
    plain, model = plain_and(parts, normalisation="none")
    with torch.no_grad():
        close(model(ids()), plain(ids()))
        draw(model)
        assert (model(ids()) - plain(ids())).abs().max() > 1e-3


def test_laurel_gpt2_layers_match_equation_6() -> None:
    """Eq. 6 with f = what a layer of GPT-2 adds, and x kept by hand."""
    plain, model = plain_and("rw+lr+pa")
    draw(model)
    with torch.no_grad():
        actual = model.forward_features(ids())
        x = model.tok_embeddings(ids()) + model.pos_embeddings(torch.arange(12))[None]
        xs: list[Tensor] = []
        for layer, merge in zip(plain.layers, model.connections.merges, strict=True):
            xs.insert(0, x)
            q, k, v = layer.attention.project(layer.attention_norm(x))
            heads = [y.unflatten(2, (2, 16)).transpose(1, 2) for y in (q, k, v)]
            attended = torch.nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
            a = layer.attention.wo(attended.transpose(1, 2).flatten(2))
            f = a + layer.feed_forward(layer.ffn_norm(x + a))
            g = x + sum(
                gamma * (y @ h.folded().T)
                for gamma, h, y in zip(merge.gamma, merge.maps, xs, strict=False)
            )
            alpha, beta = merge.weights.softmax(0)
            x = alpha * f + beta * g
        close(actual, model.norm(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("parts", ["rw+lr", "rw+lr+pa"])
def test_laurel_gpt2_cached_decoding_matches_full_forward(parts: str) -> None:
    model = plain_and(parts)[1]
    draw(model)
    cache = model.cache(2, 12)
    with torch.no_grad():
        steps = [model(ids()[:, i : i + 1], cache) for i in range(12)]
        close(torch.cat(steps, 1), model(ids()), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ({"parts": "lr+rw"}, "parts .* rw\\+lr, rw\\+lr\\+pa, not 'lr\\+rw'"),
        ({"normalisation": "tanh"}, "normalisation .* softmax, sigmoid, none, not 'tanh'"),
        ({"rank": 0}, "rank must be at least 1"),
    ],
)
def test_build_model_invalid_args_raises(args: dict[str, Any], rule: str) -> None:
    for name in ("laurel_rw_lr_resnet50", "laurel_rw_lr_gpt2"):
        with pytest.raises(ValueError, match=rule):
            build_model(name, device="meta", **args)
