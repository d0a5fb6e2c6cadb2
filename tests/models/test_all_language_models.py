"""Every language model: causality, caches, compilers, casts. By being there.

Small, with drawn weights, in float64.
"""

import copy
import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo
from tests.conftest import class_of, one_of_a_kind
from tests.golden.fill import drawn_by_name
from zoo.models._builder import build_model, load_class
from zoo.models._registry import model_entries
from zoo.modules.attention import Rotary

ENTRIES = {n: e for n, e in model_entries().items() if e.is_language_model}
TARGETS = {entry.target: name for name, entry in reversed(ENTRIES.items())}
ARGUMENTS = {target: inspect.signature(load_class(target)).parameters for target in TARGETS}
SMALL = {"layers": 3, "width": 32, "heads": 2, "hidden": 256, "vocab": 53, "context": 24}
CHOICES: dict[str, list[dict[str, Any]]] = {
    "zoo.models.muddformer.model:MUDDFormer": [
        {},
        {"choices": {"pre_post": True, "qk_norm": False}},
        {"choices": {"last_ways": 4, "round_to": 0, "first_norms": 3, "gelu": "tanh", "std": 0.0}},
    ],
    "zoo.models.loop_residual.model:LoopGPT2": [
        {},
        {"loops": 3, "span": (1, 2)},
        {"loops": 2, "literal": True},
    ],
    "zoo.models.gateskip.model:GateSkip": [{}, {"scalar": True, "thresholds": (0.5, 0.4) * 3}],
    "zoo.models.ladder_residual.model:LadderLlama": [{"kv_heads": 1, "ladder_layers": 2}],
    "zoo.models.skip_middle.model:SkipMiddle": [{}, {"gated_attention": True, "layers": 4}],
}
EVERY = [(t, args) for t in TARGETS for args in CHOICES.get(t, [{}])]
every_class = pytest.mark.parametrize(("target", "args"), EVERY)
exact = {"rtol": 0, "atol": 1e-12}


def small(target: str, **args: Any) -> Any:
    """A small network in float64 and eval mode, its weights always the same."""
    known = {key: value for key, value in SMALL.items() if key in ARGUMENTS[target]}
    model = load_class(target)(**{**known, **args}).double().eval()
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(drawn_by_name(shapes))
    return model


def ids(rows: int = 2, tokens: int = 12) -> Tensor:
    i, row = torch.arange(tokens), torch.arange(rows)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % SMALL["vocab"]


@pytest.mark.parametrize("name", one_of_a_kind(ENTRIES, class_of))
def test_build_model_every_name_has_declared_shapes(name: str) -> None:
    """Names say what they take; nothing is made but shapes."""
    model: Any = build_model(name, device="meta")
    cfg = model.pretrained_cfg
    assert (model.vocab, model.context) == (cfg["vocab_size"], *cfg["input_size"])
    assert model(torch.empty(2, 5, dtype=torch.long, device="meta")).shape == (2, 5, model.vocab)
    assert cfg["architecture"] == name


@pytest.mark.parametrize("target", TARGETS)
def test_constructor_args_are_keyword_only_and_typed(target: str) -> None:
    actual = ARGUMENTS[target]
    assert {p.kind for p in actual.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(p.annotation is not inspect.Parameter.empty for p in actual.values())
    assert len(actual) <= 8


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"width": 30, "heads": 4}, "width must be a multiple of heads, not 30 for 4"),
        ({"heads": 0}, "width must be a multiple of heads"),
        ({"vocab": 0}, "vocab must be at least 1, not 0"),
        ({"context": 0}, "context must be at least 1, not 0"),
    ],
)
def test_constructor_invalid_sizes_raises(target: str, args: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(target, **args)


@every_class
def test_forward_later_token_leaves_earlier_logits(target: str, args: dict[str, Any]) -> None:
    model, text = small(target, **args), ids()
    before = model(text)
    for t in (1, 7, 11):
        changed = text.clone()
        changed[:, t] = (changed[:, t] + 1) % SMALL["vocab"]
        after = model(changed)
        torch.testing.assert_close(after[:, :t], before[:, :t], **exact)
        assert (after[:, t:] - before[:, t:]).abs().amax((0, 2)).min() > 1e-6


@every_class
def test_forward_with_cache_matches_full_forward(target: str, args: dict[str, Any]) -> None:
    model, text = small(target, **args), ids()
    whole = model(text)
    for parts in ((5, *[1] * 7), (1,) * 12, (4, 6, 2)):
        cache, actual, at = model.cache(2, 12), [], 0
        with torch.inference_mode():
            for n in parts:
                actual.append(model(text[:, at : at + n], cache))
                at += n
        torch.testing.assert_close(torch.cat(actual, 1), whole, **exact)
        assert len(cache.keys) == model.slots


@every_class
def test_forward_left_padding_is_ignored(target: str, args: dict[str, Any]) -> None:
    model, text = small(target, **args), ids(1, 9)
    padded = torch.cat([torch.full((1, 3), 7), text], 1)
    cache = model.cache(1, 12, torch.tensor([3]))
    with torch.inference_mode():
        actual = torch.cat([model(padded[:, :8], cache), model(padded[:, 8:], cache)], 1)
    torch.testing.assert_close(actual[:, 3:], model(text), **exact)


@every_class
def test_backward_reaches_every_parameter_with_checkpointing(
    target: str, args: dict[str, Any]
) -> None:
    """And checkpointing, which keeps only what layers give, leaves them as they are."""
    model = small(target, **args).train()
    model(ids()).square().sum().backward()
    plain = {name: p.grad.clone() for name, p in model.named_parameters()}
    assert all(grad.abs().max() > 0 for name, grad in plain.items() if "pos_" not in name)
    model.zero_grad()
    model.set_grad_checkpointing()
    model(ids()).square().sum().backward()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, plain[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("target", "args"), EVERY[:1])  # one of each family: test_battery.py
def test_compile_and_export_match_eager(target: str, args: dict[str, Any]) -> None:
    model, text = small(target, **args), ids()
    torch._dynamo.reset()
    whole = model(text)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(text), whole, **exact)
    with torch.no_grad():
        torch.testing.assert_close(compiled(text), whole, **exact)
        exported = torch.export.export(model, (text,)).module()
        torch.testing.assert_close(exported(text), whole, **exact)


@every_class
def test_forward_half_precision_stays_close(target: str, args: dict[str, Any]) -> None:
    model, text = small(target, **args).float(), ids()
    whole = model(text)
    outputs = []
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            outputs.append(model(text).float())
            outputs.append(model(text, cache=model.cache(*text.shape)).float())
    half = copy.deepcopy(model).bfloat16()
    assert half(text).dtype == torch.bfloat16
    for actual in (*outputs, half(text).float()):
        assert (actual - whole).norm() < 0.1 * whole.norm()


def test_forward_longer_than_context_raises() -> None:
    model = small("zoo.models.gpt2.model:GPT2")
    with pytest.raises(ValueError, match="25 tokens are more than the context of 24"):
        model(torch.zeros(1, 25, dtype=torch.long))
    with pytest.raises(ValueError, match="30 tokens are more than the context of 24"):
        model.cache(1, 30)


def test_loop_gpt2_matches_unrolled_blocks() -> None:
    """Eqs. of 2409.14199 in both readings, against the same blocks one after another."""
    target = "zoo.models.loop_residual.model:LoopGPT2"
    gpt = small("zoo.models.gpt2.model:GPT2")
    once = small(target, loops=1)
    assert torch.equal(once(ids()), gpt(ids()))

    thrice = small(target, loops=3, span=(1, 2))
    order = [0, 1, 1, 1, 2]
    tied = small("zoo.models.gpt2.model:GPT2", layers=5)
    rest = {k: v for k, v in thrice.state_dict().items() if not k.startswith("layers")}
    missing, left = tied.load_state_dict(rest, strict=False)
    assert not left
    assert all(key.startswith("layers.") for key in missing)  # which come next
    for i, block in zip(range(5), order, strict=True):
        tied.layers[i].load_state_dict(thrice.layers[block].state_dict())
    torch.testing.assert_close(thrice(ids()), tied(ids()), **exact)
    assert thrice.slots == 5

    literal = small(target, loops=1, literal=True)
    hidden = {}
    for model, name in ((once, "once"), (literal, "literal")):
        model.norm.register_forward_pre_hook(lambda _, x, name=name: hidden.update({name: x[0]}))
        model(ids())
    x = once.tok_embeddings(ids()) + once.pos_embeddings.weight[:12]
    torch.testing.assert_close(hidden["literal"], x + hidden["once"], **exact)

    for args, message in (
        ({"loops": 0}, "loops must be at least 1"),
        ({"span": (2, 2)}, "span must be blocks of 0..3"),
        ({"span": (0, 4)}, "span must be blocks of 0..3"),
    ):
        with pytest.raises(ValueError, match=message):
            small(target, **args)


def test_rotate_turns_pairs_by_position() -> None:
    """(x_j, x_{j+d/2}) by position / 10000^(2j/d), and the rest not at all."""
    from zoo.modules.attention import rotate

    x = torch.randn(1, 5, 1, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = rotate(x, *Rotary(6).tables(torch.arange(5)[None]))
    for t in range(5):
        for j in range(3):
            turn = torch.polar(torch.tensor(1.0), torch.tensor(t * 10_000.0 ** (-2 * j / 6)))
            pair = torch.complex(x[0, t, 0, j], x[0, t, 0, j + 3]) * turn
            actual = torch.complex(y[0, t, 0, j], y[0, t, 0, j + 3])
            assert abs(actual - pair) < 1e-6
    assert torch.equal(x[..., 6:], y[..., 6:])
    for dims in (0, 5):
        with pytest.raises(ValueError, match="an even number of rotary dimensions"):
            Rotary(dims)


def test_create_language_model_with_num_classes_raises() -> None:
    with pytest.raises(ValueError, match="takes no 'num_classes'"):
        zoo.create("gpt2_nano", num_classes=3)
