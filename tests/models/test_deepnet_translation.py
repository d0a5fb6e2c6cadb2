"""DeepNet's encoder-decoder (2203.00555): equal to torchscale's, causal, cached, deaf to padding.

In float64, with drawn weights. Logits of torchscale: golden/deepnet.json.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from tests.battery.networks import Network
from tests.battery.run import CHECKS
from tests.golden.fill import drawn_by_name
from tests.models.test_all_language_models import exact, ids
from zoo.models._registry import get_entry
from zoo.models.deepnet.deepnorm import decoder_constants, encoder_constants
from zoo.models.deepnet.translation import DeepNetTranslation, sinusoids

FILE = Path(__file__).parents[1] / "golden" / "deepnet.json"
GOLDEN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["translation"]
SIZE = {"layers": 3, "decoder_layers": 2, "width": 32, "heads": 2, "hidden": 48, "vocab": 53}
RENAMES = (
    ("encoder.embed_tokens.", "tok_embeddings."),
    ("decoder.embed_tokens.", "target_embeddings."),
    ("decoder.output_projection.", "output."),
    (".layers.", "."),
    ("self_attn_layer_norm.", "attention_sum."),
    ("encoder_attn_layer_norm.", "cross_sum."),
    ("final_layer_norm.", "ffn_sum."),
    ("self_attn.", "attention."),
    ("encoder_attn.", "cross_attention."),
    ("out_proj.", "wo."),
    *((f"{x}_proj.", f"w{x}.") for x in "qkv"),
    ("ffn.fc", "feed_forward.w"),
)


def renamed(key: str) -> str:
    """A key of torchscale as ours."""
    for theirs, mine in RENAMES:
        key = key.replace(theirs, mine)
    return key


def network(shared: str = "all", **args: Any) -> Any:
    """A small network in float64, with torchscale's drawn weights."""
    unknown = {"all": ("decoder.embed", "decoder.output"), "decoder": ("decoder.output",)}
    shapes = {
        key: tuple(shape)
        for key, shape in GOLDEN["none"]["shapes"].items()
        if not key.startswith(unknown.get(shared, "-"))
    }
    model = DeepNetTranslation(**{**SIZE, "shared": shared, **args}).double().eval()
    model.load_state_dict({renamed(k): v for k, v in drawn_by_name(shapes).items()})
    return model


def source() -> Tensor:
    return 1 + ids() % 52


def target() -> Tensor:
    i, row = torch.arange(8), torch.arange(2)[:, None]
    return (29 * i**2 + 7 * i + 3 * row) % 53


def mask() -> Tensor:
    """The second source has 9 tokens and then padding."""
    return torch.arange(12) < torch.tensor([[12], [9]])


@pytest.mark.parametrize("shared", GOLDEN)
def test_translation_matches_torchscale_encoder_decoder(shared: str) -> None:
    """Their softmax and ReLU are in float32."""
    expected = torch.tensor(GOLDEN[shared]["logits"], dtype=torch.float64)

    def off(model: Any, mask: Tensor | None) -> float:
        with torch.no_grad():
            logits = model(source(), target(), mask)[:, [0, 7], :8]
        return float((logits - expected).abs().max())

    assert off(network(shared), mask()) < 1e-5
    assert off(network(shared), None) > 1e-2
    assert off(network(shared, constants="post_norm"), mask()) > 1e-2
    if shared == "all":
        wrong = network()
        for layer in wrong.decoder:
            layer.cross_sum.alpha = wrong.encoder[0].ffn_sum.alpha
        assert off(wrong, mask()) > 1e-2


@pytest.mark.slow
def test_sinusoids_match_transformers_m2m_100() -> None:
    m2m = pytest.importorskip("transformers.models.m2m_100.modeling_m2m_100")
    table = m2m.M2M100SinusoidalPositionalEmbedding.get_embedding(40, 32, 1)
    torch.testing.assert_close(sinusoids(torch.arange(2, 40), 32), table[2:], rtol=0, atol=1e-6)


@torch.no_grad()
def test_forward_later_token_leaves_earlier_logits() -> None:
    model, text = network(), target()
    before = model(source(), text, mask())
    for t in (1, 7):
        changed = text.clone()
        changed[:, t] = (changed[:, t] + 1) % 53
        after = model(source(), changed, mask())
        torch.testing.assert_close(after[:, :t], before[:, :t], **exact)
        assert (after[:, t:] - before[:, t:]).abs().amax((0, 2)).min() > 1e-6
    other = source()
    other[:, 0] = other[:, 0] % 52 + 1  # each token of the target sees all of the source
    changed = model(other, text, mask()) - before
    assert changed.abs().amax((0, 2)).min() > 1e-6


@torch.no_grad()
def test_forward_padding_of_source_is_ignored_on_either_side() -> None:
    model, text = network(), source()[:1, :9]
    expected = model(text, target()[:1])
    for sides in ((3, 0), (0, 3), (2, 1)):
        padded = nn.functional.pad(text, sides, value=7)
        is_token = nn.functional.pad(torch.ones(1, 9, dtype=torch.bool), sides, value=False)
        torch.testing.assert_close(model(padded, target()[:1], is_token), expected, **exact)
        assert (model(padded, target()[:1]) - expected).abs().max() > 1e-3


@torch.inference_mode()
def test_decode_with_cache_matches_full_forward() -> None:
    """The source's keys and values are computed once for each layer."""
    model, text = network("none"), target()
    whole, states = model(source(), text, mask()), model.encode(source(), mask())
    calls: list[int] = []
    for layer in model.decoder:
        layer.cross_attention.wk.register_forward_hook(lambda *_: calls.append(1))
    for parts in ((1,) * 8, (3, 1, 4), (8,)):
        cache, actual, at = model.cache(2, 8), [], 0
        for n in parts:
            actual.append(model.forward_head(model.decode(text[:, at : at + n], states, cache)))
            at += n
        torch.testing.assert_close(torch.cat(actual, 1), whole, **exact)
    assert len(calls) == 3 * 2
    with pytest.raises(ValueError, match="9 tokens are more than the context of 8"):
        model.decode(text[:, :1], states, cache)


@pytest.mark.parametrize("constants", ["paper", "torchscale", "post_norm"])
def test_first_weights_have_constants_of_encoder_and_decoder(constants: str) -> None:
    """Fig. 2: V, outputs and feed-forward are scaled, of all attentions, and Q and K are not."""
    model = DeepNetTranslation(
        constants=constants, layers=3, decoder_layers=2, width=128, heads=2, hidden=128, vocab=500
    )
    sides: Any = {"encoder": (1, 1), "decoder": (1, 1)}
    if constants != "post_norm":
        sides["encoder"] = encoder_constants(3, 2, source=constants)
        sides["decoder"] = decoder_constants(2, cross=True)
    for side, (alpha, beta) in sides.items():
        for name, module in model.get_submodule(side).named_modules():
            if isinstance(module, nn.LayerNorm):
                assert module.alpha == alpha
            if isinstance(module, nn.Linear):
                is_scaled = "feed_forward" in name or name[-2:] in ("wv", "wo")
                std = float(module.weight.detach().std() * 128**0.5)
                assert std == pytest.approx(beta if is_scaled else 1, rel=0.05), name
                assert not module.bias.any()
    std = float(model.tok_embeddings.weight.detach().std())
    assert std == pytest.approx(128**-0.5, rel=0.05)


def test_backward_reaches_every_parameter_with_checkpointing() -> None:
    model = network("none").train()
    model(source(), target(), mask()).square().sum().backward()
    plain = {name: p.grad.clone() for name, p in model.named_parameters()}
    unmoved = {name for name, grad in plain.items() if not grad.abs().max() > 1e-12}
    assert unmoved == {name for name in plain if name.endswith("wk.bias")}  # softmax ignores them
    model.zero_grad()
    model.set_grad_checkpointing()
    model(source(), target(), mask()).square().sum().backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    tree_map(lambda a, b: torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12), grads, plain)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"decoder_layers": 0}, "decoder_layers must be at least 1, not 0"),
        ({"width": 3}, "an even width of 4 or more, not 3"),
        ({"heads": 5}, "width must be a multiple of heads, not 32 for 5 heads"),
        ({"shared": "both"}, "shared must be one of all, decoder, none, not 'both'"),
        ({"constants": "fairseq"}, "paper, torchscale, not 'fairseq'"),
    ],
)
def test_constructor_invalid_args_raises(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeepNetTranslation(**{**SIZE, **args})


def test_forward_longer_than_context_raises() -> None:
    model = DeepNetTranslation(**SIZE, context=4)
    for texts in ((source(),), (source()[:, :4], target())):
        with pytest.raises(ValueError, match="tokens are more than the context of 4"):
            model(*texts)
    with pytest.raises(ValueError, match="5 tokens are more than the context of 4"):
        model.cache(1, 5)


def test_names_have_sizes_of_the_paper() -> None:
    """Sec. 6: 512 wide, 8 heads, feed-forward networks of 2,048; 1,024, 16 and 4,096."""
    for name, layers, width in (
        ("deepnorm_opus100_500l_500l", 500, 512),
        ("deepnorm_102_languages_100l_100l", 100, 1024),
        ("deepnorm_wmt17_18l_18l", 18, 512),
    ):
        args = get_entry(name).args
        assert (args["layers"], args["decoder_layers"]) == (layers, layers)
        assert (args["width"], args["heads"], args["hidden"]) == (width, width // 64, 4 * width)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.filterwarnings("ignore")
def test_battery_check_passes_for_translation(check: str) -> None:
    from tests.battery.checks import Skipped

    small = Network("deepnorm_translation_nano", {**SIZE, "layers": 1, "decoder_layers": 1})
    try:
        CHECKS[check](small)
    except Skipped as reason:
        pytest.skip(str(reason))
