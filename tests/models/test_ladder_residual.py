"""Ladder Transformers (2501.06589): equal to the authors' file and to the equation.

In float64, with drawn weights. Logits of the authors' code: golden/ladder_residual.json.
Tensor parallelism on two ranks, threads with gloo between them: logits, and what waits for what.
"""

import copy
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from tests.golden.fill import drawn_by_name
from tests.models import test_all_language_models as every
from tests.models.test_all_language_models import ARGUMENTS, exact, ids, small
from tests.models.test_resformer import renamed
from zoo.models._builder import build_model
from zoo.models.ladder_residual.convert import KEY_MAPPINGS
from zoo.models.ladder_residual.ladder import LadderResidual
from zoo.models.ladder_residual.model import LadderLlama, LadderTransformer, Llama3Rotary
from zoo.models.ladder_residual.tensor_parallel import shard
from zoo.modules.attention import Attention, Rotary
from zoo.modules.connections import ResidualStream, Sublayer

FILE = Path(__file__).parents[1] / "golden" / "ladder_residual.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
TARGET = "zoo.models.ladder_residual.model:LadderTransformer"
LLAMA = "zoo.models.ladder_residual.model:LadderLlama"
DECODERS = ["zoo.models.gpt2.model:GPT2", "zoo.models.transformer_pp.model:TransformerPP"]
LADDERS = [{"ladder_layers": n} for n in (3, 2, 0)]


class BothAtOnce(LadderResidual):
    """A wrong variant: both sublayers of a layer see the state before it, as in PaLM."""

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Tensor]:
        return stream[0 if not sublayer.is_attention else 1], stream[1]


@pytest.mark.parametrize("name", NETS)
def test_ladder_transformer_matches_authors_file(name: str) -> None:
    """Their norms, softmax and rotary tables are in float32."""
    golden = NETS[name]
    sizes = {"layers": 4, "width": 32, "hidden": 48, "vocab": 53, "context": 32}
    sizes["ladder_layers"] = golden["ladder_layers"]
    model: Any = (
        LadderLlama(heads=4, kv_heads=2, **sizes)
        if name == "grouped"
        else LadderTransformer(heads=2, **sizes)
    )
    state = drawn_by_name({key: tuple(shape) for key, shape in golden["shapes"].items()})
    model.double().load_state_dict({renamed(key): value for key, value in state.items()})
    expected = torch.tensor(golden["logits"], dtype=torch.float64)
    with torch.no_grad():
        logits = model(ids())[:, [3, 11]]
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
        if name == "all":
            model.connections = BothAtOnce(4, 32)
            assert (model(ids())[:, [3, 11]] - expected).abs().max() > 1e-2
        if name == "grouped":
            for rotary in (Rotary(8, 500_000.0), Llama3Rotary(8, 10_000.0)):
                model.rotary = rotary
                assert (model(ids())[:, [3, 11]] - expected).abs().max() > 1e-4


@pytest.mark.parametrize("target", DECODERS)
def test_ladder_residual_matches_equation(target: str) -> None:
    """x_i = x_{i-1} + f_i(x_{i-2}), x_{-1} = x_0; and the network without ladders, to the bit."""
    plain = small(target)
    ladder = small(target, connections=LadderResidual)
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    for block in ladder.layers:
        for norm, last in (
            (block.attention_norm, "attention.wo"),
            (block.ffn_norm, "feed_forward.w2"),
        ):
            norm.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
            block.get_submodule(last).register_forward_hook(lambda *args: outputs.append(args[2]))
    ladder.norm.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    with torch.no_grad():
        ladder(ids())
    states = [inputs[0], inputs[0]]
    for seen, out in zip(inputs, outputs, strict=False):
        torch.testing.assert_close(seen, states[-2], **exact)
        states.append(states[-1] + out)
    torch.testing.assert_close(inputs[-1], states[-1], **exact)
    assert len(outputs) == 6

    ladder.connections = LadderResidual(3, 32, ladder_layers=0)
    assert torch.equal(ladder(ids()), plain(ids()))


def test_ladder_residual_sublayer_has_no_gradient_of_one_before() -> None:
    """What the overlap rests on: f_i(x_{i-2}) does not depend on f_{i-1}."""
    for stream, depends in ((LadderResidual(3, 8), False), (ResidualStream(3, 8), True)):
        x = torch.ones(1, 1, 8, requires_grad=True)
        state: Any = stream.expand(x)
        outs: list[Tensor] = []
        for sublayer in (Sublayer(i // 2, i % 2 == 0, i % 2 == 1) for i in range(6)):
            seen, residual = stream.read(sublayer, state)
            outs.append(seen.tanh())
            state = stream.write(sublayer, state, residual, outs[-1])
        for i in range(1, 6):
            (grad,) = torch.autograd.grad(
                outs[i].sum(), outs[i - 1], retain_graph=True, allow_unused=True
            )
            assert (grad is not None) == depends
        grads = torch.autograd.grad(stream.collapse(state).sum(), outs)
        assert all(grad.abs().max() > 0 for grad in grads)


@pytest.mark.parametrize("args", LADDERS[1:], ids=str)
def test_ladder_transformer_hybrid_decodes_and_trains(args: dict[str, Any]) -> None:
    every.test_forward_with_cache_matches_full_forward(TARGET, args)
    every.test_backward_reaches_every_parameter_with_checkpointing(TARGET, args)


@pytest.mark.parametrize("layers", [-1, 4])
def test_ladder_transformer_invalid_ladder_layers_raises(layers: int) -> None:
    with pytest.raises(ValueError, match=f"from 0 to the 3 layers, not {layers}"):
        small(TARGET, ladder_layers=layers)
    assert "ladder_layers" in ARGUMENTS[TARGET]


def on_two_ranks(run: Callable[[int, Any], Any]) -> list[Any]:
    """The results of run(rank, group) in two threads, with gloo between them."""
    store = dist.HashStore()

    def start(rank: int) -> Any:
        return run(rank, dist.ProcessGroupGloo(store, rank, 2, timedelta(minutes=1)))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(start, range(2)))


class Logged:
    """A handle that says when it was waited for."""

    def __init__(self, handle: Any, step: int, log: list[str]) -> None:
        self.handle, self.step, self.log = handle, step, log

    def wait(self) -> None:
        self.handle.wait()
        self.log.append(f"sum {self.step}")


def sharded(network: Any, rank: int, group: Any, log: list[str]) -> Any:
    """A rank's part of a network that logs outputs and the arrival of their sums."""

    def all_reduce(out: Tensor) -> Logged:
        step = sum(line.startswith("out") for line in log)
        log.append(f"out {step}")
        return Logged(group.allreduce([out]), step, log)

    return shard(network, rank, 2, all_reduce)


@pytest.mark.parametrize("args", [*LADDERS, {"ladder_layers": 2, "kv_heads": 2}], ids=str)
def test_shard_two_ranks_give_whole_networks_logits(args: dict[str, int]) -> None:
    """With a cache too; a ladder has its next output before the last sum is waited for."""
    sizes = {"heads": 4} if "kv_heads" in args else {}
    network = partial(small, LLAMA if sizes else TARGET, **args, **sizes)
    whole, text = network(), ids()

    def run(rank: int, group: Any) -> Any:
        log: list[str] = []
        part = sharded(network(), rank, group, log)
        with torch.inference_mode():
            logits, seen = part(text), list(log)
            cache = part.cache(2, 12)
            steps = [part(text[:, :5], cache), part(text[:, 5:], cache)]
        assert cache.keys[0].shape == (2, 1, 12, 8 if sizes else 16)
        return logits, torch.cat(steps, 1), seen

    for logits, steps, log in on_two_ranks(run):
        torch.testing.assert_close(logits, whole(text), **exact)
        torch.testing.assert_close(steps, whole(text), **exact)
        first = 2 * (3 - args["ladder_layers"])
        for i in range(5):
            assert (log.index(f"sum {i}") < log.index(f"out {i + 1}")) == (i + 1 < first)


def test_shard_network_that_cannot_be_divided_raises() -> None:
    with pytest.raises(ValueError, match="3 ranks must divide the 2 heads of keys"):
        shard(small(TARGET), 0, 3, lambda out: Logged(None, 0, []))
    with pytest.raises(ValueError, match="2 ranks must divide the heads and the width of SwiGLU"):
        shard(copy.deepcopy(small(TARGET, hidden=49)), 0, 2, lambda out: Logged(None, 0, []))


@pytest.mark.parametrize(("name", "printed"), [("1_2b", 1.2), ("3_5b", 3.5)])
def test_build_model_params_match_printed_sizes_with_tied_embeddings(
    name: str, printed: float
) -> None:
    """Untied, 3.5B would be 3.6B."""
    for kind in ("ladder", "transformer"):
        model = build_model(f"{kind}_{name}", device="meta")
        assert round(sum(p.numel() for p in model.parameters()) / 1e9, 1) == printed
    untied = build_model("ladder_3_5b", device="meta", tied=False)
    assert round(sum(p.numel() for p in untied.parameters()) / 1e9, 1) == 3.6


def test_llama_has_metas_size_and_keys() -> None:
    """8,030,261,248 parameters, and the tensors of transformers' LlamaForCausalLM."""
    model = build_model("llama_3_1_8b_ladder16", device="meta")
    assert sum(p.numel() for p in model.parameters()) == 8_030_261_248
    theirs = KEY_MAPPINGS[1].from_zoo(model.state_dict())
    assert {renamed(key) for key in theirs} == set(model.state_dict())
    parts = {key.rpartition("0.")[2] for key in theirs if "layers.0." in key}
    golden = {key.rpartition("0.")[2] for key in NETS["grouped"]["shapes"] if "layers.0." in key}
    assert parts == golden
    assert theirs.keys() > {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}


@pytest.mark.parametrize(
    ("kv_heads", "separate", "message"),
    [
        (3, True, "must divide the 4 heads, not be 3"),
        (0, True, "must divide the 4 heads, not be 0"),
        (2, False, "have separate projections"),
    ],
)
def test_attention_invalid_kv_heads_raises(kv_heads: int, separate: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Attention(32, 4, bias=False, separate=separate, kv_heads=kv_heads)
