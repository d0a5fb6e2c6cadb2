"""DeepNet (2203.00555): equal to the authors' library and to the equation.

In float64, with drawn weights. Constants and logits of torchscale: golden/deepnet.json.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.fill import drawn_by_name
from tests.models import test_all_language_models as every
from tests.models.test_all_language_models import exact, ids, small
from zoo.models._builder import build_model
from zoo.models.deepnet.deepnorm import (
    DeepNorm,
    decoder_constants,
    draw_weights,
    encoder_constants,
)
from zoo.models.deepnet.encoder import DeepNetEncoder
from zoo.models.deepnet.model import DeepNet
from zoo.modules.connections import Sublayer

FILE = Path(__file__).parents[1] / "golden" / "deepnet.json"
GOLDEN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
TARGET = "zoo.models.deepnet.model:DeepNet"
RENAMES = (
    ("embed_tokens.", "tok_embeddings."),
    ("output_projection.", "output."),
    ("self_attn.out_proj.", "attention.wo."),
    *((f"self_attn.{x}_proj.", f"attention.w{x}.") for x in "qkv"),
    ("ffn.fc", "feed_forward.w"),
)


class Swapped(DeepNorm):
    """A wrong variant: the branch is scaled, not the skip."""

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        return super().write(sublayer, stream, out, residual)


def renamed(key: str) -> str:
    """A key of torchscale's decoder as ours."""
    if "layer_norm" in key:
        _, layer, norm, kind = key.split(".")
        return f"connections.sums.{2 * int(layer) + (norm == 'final_layer_norm')}.{kind}"
    for theirs, mine in RENAMES:
        key = key.replace(theirs, mine)
    return key


def test_deepnet_matches_torchscale_decoder() -> None:
    """Their embeddings have no positions; their softmax and GELU are in float32."""
    golden = GOLDEN["decoder"]
    model: Any = DeepNet(**golden["args"], context=24).double().eval()
    state = drawn_by_name({key: tuple(shape) for key, shape in golden["shapes"].items()})
    state = {renamed(key): value for key, value in state.items()}
    missing, unknown = model.load_state_dict(state, strict=False)
    assert (missing, unknown) == (["pos_embeddings.weight"], [])
    nn.init.zeros_(model.pos_embeddings.weight)
    expected = torch.tensor(golden["logits"], dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model(ids())[:, [3, 11]], expected, rtol=1e-5, atol=1e-5)
        wrong = Swapped(3, 32).double()
        wrong.load_state_dict(model.connections.state_dict())
        model.connections = wrong
        assert (model(ids())[:, [3, 11]] - expected).abs().max() > 1e-2


def encoder(**args: Any) -> Any:
    """A small encoder in float64, with torchscale's drawn weights."""
    golden = GOLDEN["encoder"]
    model = DeepNetEncoder(**{**golden["args"], "context": 24, **args}).double().eval()
    state = drawn_by_name({key: tuple(shape) for key, shape in golden["shapes"].items()})
    state = {renamed(key): value for key, value in state.items()}
    missing, unknown = model.load_state_dict(state, strict=False)
    assert (missing, unknown) == (["pos_embeddings.weight", "head.weight", "head.bias"], [])
    nn.init.zeros_(model.pos_embeddings.weight)
    return model


def words() -> Tensor:
    """The recorder's: the second text has 9 words and then padding."""
    text = 1 + ids() % 52
    text[1, 9:] = 0
    return text


def test_encoder_matches_torchscale_encoder() -> None:
    """With padding; their softmax and GELU are in float32."""
    expected = torch.tensor(GOLDEN["encoder"]["states"], dtype=torch.float64)
    with torch.no_grad():
        states = encoder().forward_features(words())[:, [3, 8]]
        torch.testing.assert_close(states, expected, rtol=1e-5, atol=1e-5)
        post_norm = encoder(constants=(1, 1)).forward_features(words())[:, [3, 8]]
        assert (post_norm - expected).abs().max() > 1e-2
        unmasked = encoder().forward_features(words().clamp(min=1))[:, [3, 8]]
        assert (unmasked - expected)[1].abs().max() > 1e-2


def test_encoder_sentence_is_classified_as_without_padding() -> None:
    """And one without words is classified, too."""
    model = encoder()
    nn.init.normal_(model.pos_embeddings.weight)
    with torch.no_grad():
        torch.testing.assert_close(model(words())[1:], model(words()[1:, :9]), **exact)
        assert model(torch.zeros(1, 3, dtype=torch.long)).isfinite().all()
        other = words()
        other[0, 11] = other[0, 11] % 52 + 1  # the first word sees the last one
        changed = model.forward_features(other) - model.forward_features(words())
        assert changed[0, 0].abs().max() > 1e-6


def test_encoder_has_first_weights_of_its_constants() -> None:
    model: Any = build_model("deepnorm_encoder_nano")
    assert model.connections.alpha == pytest.approx(12 ** (1 / 4))
    weight = model.layers[0].attention.wo.weight
    assert float(weight.detach().std() * 80**0.5) == pytest.approx(48 ** (-1 / 4), rel=0.05)


@pytest.mark.parametrize(("args", "message"), [({"classes": 1}, "2 or more"), ({"layers": 0}, "1")])
def test_encoder_invalid_args_raises(args: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeepNetEncoder(**{**GOLDEN["encoder"]["args"], **args})
    with pytest.raises(ValueError, match="25 words are more than the context of 24"):
        encoder()(torch.ones(1, 25, dtype=torch.long))


@pytest.mark.parametrize("name", GOLDEN["constants"])
def test_constants_match_torchscale(name: str) -> None:
    """All but the beta of an encoder with a decoder are the paper's: see paper.toml."""
    depths, kind = name.split()
    encoder, decoder = map(int, depths.split("-"))
    both = kind == "both"
    theirs = GOLDEN["constants"][name]
    source = "torchscale" if both else "paper"
    ours = encoder_constants(encoder, decoder if both else 0, source=source)
    torch.testing.assert_close(tuple(ours), tuple(theirs["encoder"]), rtol=1e-6, atol=0)
    ours = decoder_constants(decoder, cross=both)
    torch.testing.assert_close(tuple(ours), tuple(theirs["decoder"]), rtol=1e-6, atol=0)


def test_constants_match_figure_2() -> None:
    n, m = 12, 6
    assert encoder_constants(n) == pytest.approx(((2 * n) ** (1 / 4), (8 * n) ** (-1 / 4)))
    assert decoder_constants(m) == pytest.approx(((2 * m) ** (1 / 4), (8 * m) ** (-1 / 4)))
    scale = (n**4 * m) ** (1 / 16)
    assert encoder_constants(n, m) == pytest.approx((0.81 * scale, 0.87 / scale))
    cross = ((3 * m) ** (1 / 4), (12 * m) ** (-1 / 4))
    assert decoder_constants(m, cross=True) == pytest.approx(cross)
    # 6 + 6 layers: what the paper's first weights are, and the library's
    betas = [round(encoder_constants(6, 6, source=s).beta, 3) for s in ("paper", "torchscale")]
    assert betas == [0.497, 0.657]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: encoder_constants(6, 6, source="fairseq"), "paper, torchscale, not 'fairseq'"),
        (lambda: encoder_constants(0), "at least 1 layer, not 0"),
        (lambda: encoder_constants(6, -1), "at least 1 layer, not -1"),
        (lambda: decoder_constants(0), "at least 1 layer, not 0"),
    ],
)
def test_constants_invalid_args_raises(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "target", ["zoo.models.gpt2.model:GPT2", "zoo.models.transformer_pp.model:TransformerPP"]
)
@pytest.mark.parametrize("alpha", [None, 1.0])
def test_deepnorm_in_any_decoder_matches_equation(target: str, alpha: float | None) -> None:
    """x_{l+1} = LN(alpha x_l + G_l(x_l)), alpha = (2 M)^1/4, and no other norms; 1 is post-norm."""
    model = small(target, connections=lambda *size: DeepNorm(*size, alpha=alpha))
    assert not [n for n, m in model.named_modules() if "norm" in n and list(m.parameters())]
    with torch.no_grad():
        actual = model.forward_features(ids())
        states: list[Tensor] = []
        model.layers[0].register_forward_pre_hook(lambda _, args: states.append(args[0]))
        for norm in model.connections.sums:
            norm.register_forward_hook(lambda _, args, y: states.extend([args[0], y]))
        outs: list[Tensor] = []
        for block in model.layers:
            for last in (block.attention.wo, block.feed_forward.w2):
                last.register_forward_hook(lambda _, args, y: outs.append(y))
        model(ids())
    scale = 6**0.25 if alpha is None else alpha
    for x, summed, out in zip(states[0::2], states[1::2], outs, strict=False):
        torch.testing.assert_close(summed, scale * x + out, **exact)
    assert torch.equal(actual, states[-1])
    assert len(outs) == 6


def update(layers: int, alpha: float | None, beta: float | None) -> float:
    """||F(x, theta*) - F(x, theta)|| of a step of SGD, over the size of F."""
    torch.manual_seed(0)
    sizes = {"width": 16, "heads": 2, "hidden": 32, "vocab": 53, "context": 12}
    model = DeepNet(layers=layers, alpha=alpha, beta=beta, **sizes).double()
    before = model.forward_features(ids())
    model.forward_head(before).log_softmax(-1).flatten(0, 1)[:, 7].mean().neg().backward()
    with torch.no_grad():
        for p in model.layers.parameters():
            p.sub_(0.02 * p.grad)
        return float((model.forward_features(ids()) - before).norm() / before.norm())


def test_first_update_is_bounded_with_deepnorm_alone() -> None:
    """Theorem 4.2 and Fig. 5: it grows with the depth of a post-norm transformer."""
    deep, shallow = update(24, None, None), update(3, None, None)
    assert deep < 2 * shallow
    assert update(24, 1.0, 1.0) > 4 * update(3, 1.0, 1.0)


def test_draw_weights_scales_values_outputs_and_feed_forward() -> None:
    """Fig. 2a: and neither queries nor keys. Xavier's deviation is sqrt(2 / (fan_in + fan_out))."""
    model: Any = build_model("deepnorm_nano", width=160)
    draw_weights(model, 0.1)
    for name, layer in model.layers[0].named_modules():
        if isinstance(layer, nn.Linear):
            xavier = (2 / sum(layer.weight.shape)) ** 0.5
            scaled = "feed_forward" in name or name[-2:] in ("wv", "wo")
            assert float(layer.weight.detach().std() / xavier) == pytest.approx(
                0.1 if scaled else 1, rel=0.05
            )
            assert not layer.bias.any()
    nano: Any = build_model("deepnorm_nano")
    actual = float(nano.layers[0].attention.wv.weight.detach().std() * 80**0.5)
    assert actual == pytest.approx(48**-0.25, rel=0.05)


def test_post_norm_nano_decodes_and_trains() -> None:
    args = {"alpha": 1.0, "beta": 1.0}
    every.test_forward_with_cache_matches_full_forward(TARGET, args)
    every.test_backward_reaches_every_parameter_with_checkpointing(TARGET, args)
