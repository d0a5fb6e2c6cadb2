"""GateSkip (2510.13876): the authors' gates and choices, keys and values that are used again.

In float64, with drawn weights. Logits of the authors' code: golden/gateskip.json.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.golden.fill import drawn_by_name
from tests.models.test_all_language_models import exact, ids, small
from zoo.models.gateskip.penalty import GatePenalty
from zoo.modules.attention import rotate
from zoo.modules.norms import RMSNorm
from zoo.modules.token_skipping import computed_share
from zoo.training.language_modeling import PenalisedNextToken

FILE = Path(__file__).parents[1] / "golden" / "gateskip.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
gateskip = partial(small, "zoo.models.gateskip.model:GateSkip")
RENAMES = (
    ("model.embed_tokens.", "tok_embeddings."),
    ("model.", ""),
    ("lm_head.", "output."),
    ("self_attn.module.", "attention."),
    ("input_layernorm.", "attention_norm."),
    ("post_attention_layernorm.", "ffn_norm."),
    ("mlp.module.gate_proj.", "feed_forward.w1."),
    ("mlp.module.up_proj.", "feed_forward.w3."),
    ("mlp.module.down_proj.", "feed_forward.w2."),
    *((f"{x}_proj.", f"w{x}.") for x in "qkvo"),
)


def deciding(text: Tensor, **args: Any) -> Any:
    """A network whose thresholds keep three of five tokens in every sublayer."""
    return gateskip(thresholds=gateskip(**args).thresholds_for(text, 0.6), **args)


def renamed(key: str) -> str:
    for theirs, mine in RENAMES:
        key = key.replace(theirs, mine)
    if ".gate.linear." in key:
        _, layer, part, *_, kind = key.split(".")
        return f"connections.gates.{2 * int(layer) + (part == 'mlp')}.{kind}"
    return key


@pytest.mark.parametrize("name", NETS)
def test_gateskip_matches_authors_logits_and_choices(name: str) -> None:
    """Norms and rotary tables of transformers are in float32."""
    net = NETS[name]
    args = dict(net["args"])
    budget = args.pop("budget")
    model = gateskip(hidden=48, **args)
    state = drawn_by_name({key: tuple(shape) for key, shape in net["shapes"].items()})
    model.load_state_dict({renamed(key): value for key, value in state.items()})
    model.set_budget(budget)
    logits, stream = model.forward_stream(ids())
    expected = torch.tensor(net["logits"], dtype=torch.float64)
    torch.testing.assert_close(logits[:, [7, 11]].detach(), expected, rtol=1e-5, atol=1e-6)
    skipped = [
        (scores <= torch.quantile(scores, 1 - budget)).double().mean().item() if budget < 1 else 0
        for scores in stream.importance
    ]
    assert skipped == pytest.approx(net["skipped"]["texts"])


def test_authors_skip_no_single_token_and_never_reuse_the_cache() -> None:
    """Contradictions one-token and reuse-ignored; the zoo keeps a token alone, too."""
    for net in NETS.values():
        assert set(net["skipped"]["one token"]) == {0.0}
        assert "does not support item assignment" in net["reuse"]
    model, text = gateskip(), ids(1, 1)
    whole = model(text)
    model.set_budget(0.5)
    assert torch.equal(model(text), whole)


def test_open_gates_are_the_plain_transformer() -> None:
    model = gateskip()
    for gate in model.connections.gates:
        gate.weight.data.zero_()
        gate.bias.data.fill_(50.0)
    plain = small("zoo.models.transformer_pp.model:TransformerPP")
    state = {k: v for k, v in model.state_dict().items() if "connections" not in k}
    for layer in range(3):
        parts = [state.pop(f"layers.{layer}.attention.w{x}.weight") for x in "qkv"]
        state[f"layers.{layer}.attention.wqkv.weight"] = torch.cat(parts)
    plain.load_state_dict(state)
    for module in plain.modules():
        if isinstance(module, RMSNorm):
            module.eps = 1e-5
    torch.testing.assert_close(model(ids()), plain(ids()), **exact)


def reference(model: Any, text: Tensor) -> Tensor:
    """Every token by itself: g f(x) where it is kept; the layer before's keys where it is not."""
    h = model.tok_embeddings(text)[0]
    tables = model.rotary.tables(torch.arange(len(h))[None])
    held: list[Any] = [None] * len(h)
    gates, thresholds = model.connections.gates, model.connections.thresholds
    for i, layer in enumerate(model.layers):
        a, x = layer.attention, layer.attention_norm(h)
        g = gates[2 * i](x).sigmoid()
        kept = g.mean(-1) > thresholds[2 * i]
        q, k = (rotate(w(x).view(1, -1, 2, 16), *tables)[0] for w in (a.wq, a.wk))
        v = a.wv(x).view(-1, 2, 16)
        held = [(k[t], v[t]) if kept[t] or i == 0 else held[t] for t in range(len(h))]
        outputs = []
        for t in range(len(h)):
            keys, values = (torch.stack([pair[j] for pair in held[: t + 1]]) for j in (0, 1))
            weights = (torch.einsum("hd,shd->hs", q[t], keys) / 4).softmax(-1)
            outputs.append(a.wo(torch.einsum("hs,shd->hd", weights, values).flatten()) * kept[t])
        h = h + g * torch.stack(outputs)
        x = layer.ffn_norm(h)
        g = gates[2 * i + 1](x).sigmoid()
        kept = g.mean(-1) > thresholds[2 * i + 1]
        h = h + g * layer.feed_forward(x) * kept[:, None]
    return model.forward_head(model.norm(h))[None]


@pytest.mark.parametrize("scalar", [False, True])
def test_skipped_tokens_keep_keys_and_values_of_the_layer_before(scalar: bool) -> None:
    text = ids(1)
    model = deciding(text, scalar=scalar)
    whole = model(text)
    torch.testing.assert_close(whole, reference(model, text), **exact)
    model.set_skipping()
    torch.testing.assert_close(model(text), whole, **exact)
    cache = model.cache(2, 14, torch.tensor([2, 1]))
    padded = torch.full((2, 14), 7)
    padded[0, 2:], padded[1, 1:13] = text[0], text[0]
    with torch.inference_mode():
        actual = torch.cat([model(part, cache) for part in padded.split([5, 1, 1, 6, 1], 1)], 1)
    torch.testing.assert_close(actual[0, 2:], whole[0], **exact)
    torch.testing.assert_close(actual[1, 1:13], whole[0], **exact)


@pytest.mark.parametrize("budget", [0.9, 0.5])
def test_budget_is_the_share_of_kept_tokens_and_padding_does_not_count(budget: float) -> None:
    model, text = gateskip(), ids(2, 10)
    thresholds = model.thresholds_for(text, budget)
    model.set_budget(budget)
    whole, stream = model.forward_stream(text)
    for scores, threshold in zip(stream.importance, thresholds, strict=True):
        assert (scores > threshold).double().mean().item() == pytest.approx(budget, abs=0.05)
    alone = gateskip(thresholds=thresholds)
    torch.testing.assert_close(alone(text), whole, **exact)
    padded = torch.cat([torch.full((2, 2), 7), text], 1)
    actual = model(padded, model.cache(2, 12, torch.tensor([2, 2])))
    torch.testing.assert_close(actual[:, 2:], whole, **exact)
    model.set_skipping()
    torch.testing.assert_close(model(text), whole, **exact)


def test_computed_share_counts_what_is_really_called() -> None:
    """One text; queries and outputs of kept tokens, keys and values too after the first layer."""
    text = ids(1)
    model = deciding(text)
    _, stream = model.forward_stream(text)
    thresholds = model.connections.thresholds
    kept = [int((s > t).sum()) for s, t in zip(stream.importance, thresholds, strict=True)]
    assert all(0 < number < 12 for number in kept)

    def macs(attending: int, held: int, fed: int) -> int:
        attention = 2 * attending * 32**2 + 2 * held * 32**2 + 2 * attending * 12 * 32
        return attention + 3 * fed * 32 * 256 + 2 * 12 * 32**2  # and two gates

    head = 12 * 53 * 32
    pairs = list(zip(kept[::2], kept[1::2], strict=True))
    computed = head + sum(macs(a, a if i else 12, f) for i, (a, f) in enumerate(pairs))
    whole = head + 3 * macs(12, 12, 12)
    assert computed_share(model, text) == pytest.approx(computed / whole, rel=1e-12)


def test_gate_penalty_is_the_mean_square_and_its_budget_goes_down() -> None:
    run = GatePenalty(gateskip(), steps=4, weight=0.5).train()
    text, budgets = ids(), []
    for _ in range(6):
        logits, penalty = run(text)
        budgets.append(round(run.network.connections.budget, 3))
    assert budgets == [1.0, 0.95, 0.9, 0.85, 0.8, 0.8]
    run.eval()
    logits, penalty = run(text)
    squares = run.network.forward_stream(text)[1].squares
    torch.testing.assert_close(penalty, 0.5 * sum(squares) / 6)
    loss = PenalisedNextToken().loss((logits[:, :-1], penalty), text[:, 1:])
    entropy = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), text[:, 1:].flatten())
    torch.testing.assert_close(loss, entropy + penalty)
    penalty.backward()
    assert run.network.connections.gates[0].weight.grad.abs().max() > 0


def test_gateskip_wrong_settings_raise() -> None:
    with pytest.raises(ValueError, match="thresholds must be two for each of 3 layers, not 2"):
        gateskip(thresholds=(0.5, 0.5))
    for budget in (0, 1.1):
        with pytest.raises(ValueError, match="budget must be above 0 and at most 1"):
            gateskip().set_budget(budget)
