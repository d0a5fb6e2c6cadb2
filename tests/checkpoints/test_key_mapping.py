"""Names of tensors, both ways: ours, theirs, and the report of what became of each."""

import dataclasses
import doctest
import json
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
import transformers
from typer.testing import CliRunner

from tests.conftest import one_of_a_kind
from tests.support.patching import replace_everywhere
from zoo.checkpoints import key_mapping
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.cli import app
from zoo.models._builder import build_model
from zoo.models._conversion import all_key_mappings, convert_file, detect_model
from zoo.models._registry import get_entry, model_entries
from zoo.models.gpt2.model import GPT2
from zoo.papers.weights import WeightsError

State = dict[str, torch.Tensor]
KEY_MAPPINGS = list(all_key_mappings())


def drawn(shapes: dict[str, tuple[int, ...]], mapping: KeyMapping) -> State:
    """A tensor for every key, each another one, few numbers each; sizes that a transform of the
    mapping needs are unchanged."""
    torch.manual_seed(0)
    state = {}
    for key, shape in shapes.items():
        transformed = any(re.fullmatch(pattern, key) for pattern, *_ in mapping.transforms)
        small = [
            n if transformed and (i == 0 or len(shape) == 4) else min(n, 3)
            for i, n in enumerate(shape)
        ]
        state[key] = torch.randn(small) if small else torch.randint(1 << 40, ())
    return state


def same_bits(state: State, expected: State) -> None:
    assert state.keys() == expected.keys()
    assert [k for k in state if not torch.equal(state[k], expected[k])] == []
    assert [k for k in state if state[k].dtype != expected[k].dtype] == []


def names_in(paper: str, mapping: KeyMapping) -> list[str]:
    """Two or three networks, small and large, that a mapping supports."""
    entries = model_entries().items()
    names = [n for n, e in entries if e.family.endswith(f".{paper}") and mapping.supports(n)]
    return names[:: max(1, len(names) // 2)]


CASES = [(mapping, name) for paper, mapping in KEY_MAPPINGS for name in names_in(paper, mapping)]


def test_key_mapping_docstring_example_runs() -> None:
    assert doctest.testmod(key_mapping) == (0, 3)


def test_key_mapping_shifted_number_counts_from_one_in_source() -> None:
    mapping = KeyMapping(name="x", models=("*",), renames=(("s#.unit#+1.c#.", "layer#.#.conv#."),))
    theirs = {"s2.unit10.c1.weight": 1, "s2.unit1.c1.weight": 2}
    ours = {"layer2.9.conv1.weight": 1, "layer2.0.conv1.weight": 2}
    assert mapping.to_zoo(theirs) == ours
    assert mapping.from_zoo(ours) == theirs


def test_key_mappings_all_have_a_model() -> None:
    assert {id(mapping) for mapping, _ in CASES} == {id(mapping) for _, mapping in KEY_MAPPINGS}


@pytest.mark.parametrize(
    ("mapping", "name"),
    one_of_a_kind(CASES, lambda case: get_entry(case[1]).family, lambda case: id(case[0])),
)
def test_key_mapping_round_trip_preserves_tensors(mapping: KeyMapping, name: str) -> None:
    """ours -> theirs -> ours, to the last bit; theirs have the required keys, and nothing
    of them is lost on the way."""
    network = build_model(name, device="meta", **mapping.candidate_args[-1])
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    ours = drawn(shapes, mapping)
    theirs = mapping.from_zoo(ours)
    assert mapping.has_required_keys(theirs), name
    stored = {key: value for key, value in ours.items() if not mapping.is_constant(key)}
    assert bool(mapping.constants) == (len(stored) < len(ours))
    same_bits(mapping.to_zoo(theirs), stored)
    same_bits(mapping.from_zoo(mapping.to_zoo(theirs)), theirs)
    assert mapping.renames == () or theirs.keys() != stored.keys()


LAST_GATES = {  # of SkipNets, which decide on nothing
    **{f"38_{gate}": "group3_gate5" for gate in ("ff", "rnn")},
    **{f"74_{gate}": "group3_gate11" for gate in ("ff", "rnn")},
    **{f"110_{gate}": "group3_gate17" for gate in ("ff", "rnn")},
    "152_rnn": "group3_gate24",
    **{f"{depth}_rnn": "group4_gate2" for depth in (34, 50, 101)},
}
BUFFERS = {
    "openai-community/gpt2": ["h.3.attn.bias", "transformer.h.11.attn.masked_bias"],
    "nanoGPT": ["transformer.h.0.attn.bias"],
    "EleutherAI/pythia": [
        "layers.2.attention.bias",
        "gpt_neox.layers.2.attention.masked_bias",
        "gpt_neox.layers.0.attention.rotary_emb.inv_freq",
    ],
    "AugMix, RobustBench": ["mu", "sigma"],
    "megvii-research/RevCol": ["subnet0.alpha3"],
    "megvii-research/RevCol, supervised": ["subnet0.alpha3"],
    "ServiceNow/N-BEATS, interpretable": [
        "blocks.2.basis_function.backcast_time",
        "blocks.5.basis_function.forecast_sin_template",
    ],
    "ming053l/DRCT": [
        "layers.0.swin1.attn.relative_position_index",
        "layers.5.swin3.attn_mask",
    ],
    "klasleino/gloro": ["backbone.2.identity", "init_layer"],
    **{f"ucbdrive/skipnet, {name}": [f"{last}.conv1.weight"] for name, last in LAST_GATES.items()},
}


def test_key_mapping_ignored_keys_have_a_reason() -> None:
    for _, mapping in KEY_MAPPINGS:
        keys = BUFFERS.get(mapping.name, [])
        plan = mapping.plan_to_zoo([*keys, "bias", "h.0.attn.c_attn.bias", "attention.bias"])
        assert set(plan.dropped) == set(keys)
        assert all(plan.dropped.values())
        assert bool(mapping.ignored) == bool(keys), "add an example to BUFFERS"


GPT = {"layers": 2, "width": 32, "heads": 4, "vocab": 53, "context": 24}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A zoo whose gpt2 is small, and that network."""
    known = dict(model_entries())
    entry = known["gpt2"]
    known["gpt2"] = dataclasses.replace(entry, args=GPT)
    replace_everywhere(monkeypatch, "zoo.models._registry.model_entries", lambda: known)
    torch.manual_seed(0)
    return GPT2(**GPT).eval()


def test_convert_file_gpt2_via_transformers_and_nanogpt_returns(tiny: Any, tmp_path: Path) -> None:
    first, second, third, last = (tmp_path / f"{name}.safetensors" for name in "abcd")
    safetensors.torch.save_file(tiny.state_dict(), first)
    done = convert_file(first, second, keys="openai")
    assert (done.model, done.keys) == ("gpt2", "the zoo")
    config = transformers.GPT2Config(n_layer=2, n_embd=32, n_head=4, vocab_size=53, n_positions=24)
    other: Any = transformers.GPT2LMHeadModel(config).eval()
    other.transformer.load_state_dict(safetensors.torch.load_file(second), strict=True)
    ids = torch.arange(20)[None]
    torch.testing.assert_close(other(ids).logits, tiny(ids))
    with safetensors.safe_open(second, "pt") as file:
        assert file.metadata() == {"format": "pt"}  # transformers reads no other

    done = convert_file(second, third, keys="nanoGPT")
    assert (done.keys, done.added) == (
        "openai-community/gpt2",
        {"lm_head.weight": "tied to transformer.wte.weight"},
    )
    assert done.renamed["h.0.ln_1.weight"] == "transformer.h.0.ln_1.weight"
    done = convert_file(third, last)
    assert (done.keys, done.dropped) == ("nanoGPT", done.dropped | {"lm_head.weight": WTE})
    same_bits(safetensors.torch.load_file(last), dict(tiny.state_dict()))


WTE = "tied to transformer.wte.weight"


def test_convert_command_nanogpt_checkpoint_prints_report(tiny: Any, tmp_path: Path) -> None:
    """As its train.py saves it: compiled, with the optimizer; and its report."""
    mapping = next(s for _, s in KEY_MAPPINGS if s.name == "nanoGPT")
    model = {
        f"_orig_mod.{key}": value for key, value in mapping.from_zoo(tiny.state_dict()).items()
    }
    model |= {f"_orig_mod.transformer.h.{i}.attn.bias": torch.ones(1, 1, 24, 24) for i in (0, 1)}
    whole = {"model": model | {"note": "x"}, "optimizer": {"state": {}}, "iter_num": 7}
    torch.save(whole, tmp_path / "ckpt.pt")
    command = ["convert", str(tmp_path / "ckpt.pt")]
    shown = CliRunner().invoke(app, command).stdout.splitlines()
    assert shown[1:] == [
        "28 renamed: transformer.wte.weight -> tok_embeddings.weight; "
        "transformer.ln_f.bias -> norm.bias",
        "2 dropped, beside the tensors: optimizer, iter_num",
        "1 dropped, no tensor: note",
        "2 dropped, an attention mask, which the zoo makes: "
        "transformer.h.0.attn.bias, transformer.h.1.attn.bias",
        f"1 dropped, {WTE}: lm_head.weight",
        shown[-1],
    ]
    report = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert report["renamed"]["transformer.wpe.weight"] == "pos_embeddings.weight"
    assert report["dropped"]["iter_num"] == "beside the tensors"
    assert report["path"].endswith("ckpt.safetensors")

    whole["model"]["_orig_mod.lm_head.weight"] = torch.zeros(53, 32)
    torch.save(whole, tmp_path / "ckpt.pt")
    with pytest.raises(
        WeightsError, match=r"lm_head\.weight differs from transformer\.wte\.weight"
    ):
        convert_file(tmp_path / "ckpt.pt")


def test_detect_model_pythia_skips_indivisible_heads(tmp_path: Path) -> None:
    """A fused matrix that 40 heads do not divide is no reason to give up."""
    mapping = next(s for _, s in KEY_MAPPINGS if s.supports("pythia_70m") and s.name != "the zoo")
    network = build_model("pythia_70m", device="meta").state_dict()
    ours = {key: torch.zeros(1).expand(value.shape) for key, value in network.items()}
    fit = detect_model(mapping.from_zoo(ours), "x")
    assert (fit.model, fit.keys.name, fit.mismatches) == ("pythia_70m", "EleutherAI/pythia", 0)


def test_convert_file_colliding_keys_raise(tiny: Any, tmp_path: Path) -> None:
    state = dict(tiny.state_dict())
    mapping = next(s for _, s in KEY_MAPPINGS if s.name == "openai-community/gpt2")
    theirs = mapping.from_zoo(state)
    torch.save(theirs | {"transformer.wte.weight": torch.zeros(53, 32)}, tmp_path / "x.pth")
    says = r"wte\.weight and transformer\.wte\.weight both become tok_embeddings\.weight"
    with pytest.raises(WeightsError, match=says):
        convert_file(tmp_path / "x.pth")
    torch.save({"module.a": torch.ones(1), "a": torch.ones(1)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="two tensors that are called 'a'"):
        convert_file(tmp_path / "x.pth")


def test_convert_file_same_path_or_ambiguous_keys_raise(tiny: Any, tmp_path: Path) -> None:
    source = tmp_path / "x.safetensors"
    safetensors.torch.save_file(tiny.state_dict(), source)
    before = source.read_bytes()
    with pytest.raises(WeightsError, match=r"would be overwritten; say where .*--to"):
        convert_file(source, keys="nanogpt")
    for keys in ("pt", "no such"):
        with pytest.raises(WeightsError, match=r"openai-community/gpt2; nanoGPT: which is"):
            convert_file(source, tmp_path / "y.safetensors", keys=keys)
    assert source.read_bytes() == before
