"""Generation of tokens and texts: greedy, sampled, stopped, padded, streamed."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
from typer.testing import CliRunner

import zoo
from tests.models.test_all_language_models import TARGETS, small
from tests.support.patching import replace_everywhere
from zoo.checkpoints.writing import save_safetensors
from zoo.cli import app
from zoo.data.tokenizers import END, ByteTokenizer, HfTokenizer, get_tokenizer
from zoo.inference import text_generation
from zoo.inference.generation import SamplingParams, generate, generate_stream
from zoo.inference.text_generation import TextGenerator
from zoo.models._builder import build_model
from zoo.models._factory import create

PROMPTS = [[3, 1, 4, 1, 5], [9, 2], [6, 5, 3]]


def greedy(model: Any, ids: list[int], steps: int) -> list[int]:
    """Without a cache, token by token."""
    row = list(ids)
    for _ in range(steps):
        row.append(int(model(torch.tensor([row]))[0, -1].argmax()))
    return row


@pytest.mark.parametrize("target", TARGETS)
def test_generate_greedy_batch_equals_single_prompts(target: str) -> None:
    """In one batch, padded on the left, as alone without a cache."""
    model = small(target)
    assert generate(model, PROMPTS, max_new_tokens=9) == [greedy(model, p, 9) for p in PROMPTS]
    assert zoo.generate(model, torch.tensor([PROMPTS[0]]), max_new_tokens=3) == [
        greedy(model, PROMPTS[0], 3)
    ]


def test_generate_by_name_loads_pretrained_weights() -> None:
    prompt = list(b"This PEP ")
    model = create("gpt2_nano", pretrained=True)
    rows = generate(model, [prompt], max_new_tokens=8)
    assert zoo.generate("gpt2_nano", [prompt], max_new_tokens=8) == rows
    assert len(rows[0]) == len(prompt) + 8


def test_generate_stop_token_ends_row() -> None:
    model = small("zoo.models.gpt2.model:GPT2")
    whole = [greedy(model, p, 9)[len(p) :] for p in PROMPTS]
    stop = {whole[0][2]}
    expected = [row[: next((i + 1 for i, t in enumerate(row) if t in stop), 9)] for row in whole]
    rows = generate(model, PROMPTS, max_new_tokens=9, stop=stop)
    assert rows == [p + row for p, row in zip(PROMPTS, expected, strict=True)]
    steps = list(generate_stream(model, PROMPTS[:1], max_new_tokens=9, stop=stop))
    assert [row[0] for row in steps] == expected[0]


def test_generate_stops_at_context_length() -> None:
    model = small("zoo.models.gpt2.model:GPT2")
    (row,) = generate(model, [PROMPTS[0]], max_new_tokens=100)
    assert len(row) == model.context


def test_sampling_params_seed_top_k_and_top_p_limit_draws() -> None:
    """A seed says what is drawn; top_k and top_p what may be."""
    model = small("zoo.models.gpt2.model:GPT2")
    sampling = SamplingParams(temperature=1.5)
    rows = [
        generate(model, PROMPTS, sampling=sampling, seed=s, max_new_tokens=9) for s in (0, 0, 1)
    ]
    assert rows[0] == rows[1] != rows[2]
    one = SamplingParams(temperature=2.0, top_k=1)
    assert generate(model, PROMPTS, sampling=one) == generate(model, PROMPTS)
    few = SamplingParams(temperature=2.0, top_p=1e-6)
    assert generate(model, PROMPTS, sampling=few) == generate(model, PROMPTS)

    logits = torch.tensor([[0.1, 0.2, 0.4, 0.3]]).log()
    assert SamplingParams(temperature=1.0, top_k=2).probabilities(logits)[
        0
    ].tolist() == pytest.approx([0, 0, 4 / 7, 3 / 7])
    nucleus = SamplingParams(temperature=1.0, top_p=0.65).probabilities(logits)[0]
    assert (nucleus > 0).tolist() == [False, False, True, True]
    nucleus = SamplingParams(temperature=1.0, top_p=0.75).probabilities(logits)[0]
    assert (nucleus > 0).tolist() == [False, True, True, True]
    halved = SamplingParams(temperature=0.5).probabilities(logits)[0]
    assert halved.tolist() == pytest.approx([0.01 / 0.3, 0.04 / 0.3, 0.16 / 0.3, 0.09 / 0.3])
    generators = [torch.Generator().manual_seed(seed) for seed in range(4000)]
    draws = SamplingParams(temperature=1.0)(logits.repeat(4000, 1), generators)
    shares = torch.bincount(draws, minlength=4) / 4000
    assert (shares - torch.tensor([0.1, 0.2, 0.4, 0.3])).abs().max() < 0.03


@pytest.mark.parametrize("target", TARGETS)
def test_generate_sampled_row_is_independent_of_its_batch(target: str) -> None:
    """Neither the other prompts, their order nor the padding change what is drawn."""
    model, options = small(target), {"sampling": SamplingParams(temperature=1.5), "seed": 3}
    alone = [generate(model, [p], max_new_tokens=9, **options)[0] for p in PROMPTS]
    assert generate(model, PROMPTS, max_new_tokens=9, **options) == alone
    assert generate(model, PROMPTS[::-1], max_new_tokens=9, **options) == alone[::-1]


def test_generate_repeated_prompt_draws_anew_and_takes_seeds() -> None:
    model, sampling = small("zoo.models.gpt2.model:GPT2"), SamplingParams(temperature=1.5)
    twice = generate(model, [PROMPTS[0]] * 2, sampling=sampling, max_new_tokens=9)
    assert twice[0] != twice[1]
    ids = [PROMPTS[0]] * 2
    rows = generate(model, ids, sampling=sampling, max_new_tokens=9, seed=[0, 7])
    seven = generate(model, ids[:1], sampling=sampling, max_new_tokens=9, seed=7)
    assert rows == [twice[0], *seven]
    with pytest.raises(ValueError, match="1 seeds for 2 prompts"):
        generate(model, ids, seed=[0])


@pytest.mark.parametrize("target", TARGETS)
def test_generate_full_context_ends_its_own_row_and_is_logged(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each row goes on up to its own limit, and says that it ended there."""
    model, long = small(target), [1, 2] * 9
    short_steps, long_steps = model.context - 2, model.context - len(long)
    with caplog.at_level(logging.WARNING):
        rows = generate(model, [PROMPTS[1], long], max_new_tokens=99)
    assert rows == [greedy(model, PROMPTS[1], short_steps), greedy(model, long, long_steps)]
    assert [record.getMessage() for record in caplog.records] == [
        f"prompt {i} ended after {steps} of 99 new tokens: the context of the model is full"
        for i, steps in ((1, long_steps), (0, short_steps))
    ]
    caplog.clear()
    generate(model, [long], max_new_tokens=long_steps)
    assert not caplog.records


def test_generate_non_finite_logits_raise() -> None:
    """The row and the token are named; a row that has ended may be anything."""
    model = small("zoo.models.gpt2.model:GPT2")
    first = generate(model, PROMPTS[:1], max_new_tokens=1)[0][-1]
    head = model.forward_head

    def broken(states: torch.Tensor) -> torch.Tensor:
        logits = head(states).clone()
        logits[0, 4] = torch.nan
        return logits

    model.forward_head = lambda x: broken(x) if calls.append(x) or len(calls) > 1 else head(x)
    for sampling in (None, SamplingParams(temperature=1.0)):
        calls: list[torch.Tensor] = []
        with pytest.raises(FloatingPointError, match=r"prompt 0 .* token 2; .*--precision fp32"):
            generate(model, PROMPTS, sampling=sampling, max_new_tokens=9)
    calls = []
    assert generate(model, PROMPTS[:2], stop={first}, max_new_tokens=3)[0][-1] == first


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "at least one token"),
        ([[1], []], "at least one token"),
        ([list(range(24))], "a prompt of 24 tokens leaves no room in the context of 24"),
        ([[53]], r"token ids are 0\.\.52, not 53"),
        ([[-1]], r"token ids are 0\.\.52"),
    ],
)
def test_generate_bad_prompt_raises(ids: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(small("zoo.models.gpt2.model:GPT2"), ids)


@pytest.mark.parametrize(
    "args", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}]
)
def test_sampling_params_out_of_range_raise(args: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="temperature and top_k are 0 or more"):
        SamplingParams(**args)


# Texts


def test_byte_tokenizer_round_trip_returns_text() -> None:
    text = "naïve ∀x\n"
    assert ByteTokenizer().decode([*ByteTokenizer().encode(text), 256]) == text
    assert (
        ByteTokenizer().vocab,
        ByteTokenizer().end,
        max(ByteTokenizer().encode(text)) < 256,
    ) == (257, 256, True)


def pieces(folder: Path) -> Path:
    """A small byte-level BPE, as GPT-2's is made."""
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(["abra cadabra"] * 9, vocab_size=270, special_tokens=[END])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def test_get_tokenizer_json_file_round_trips(tmp_path: Path) -> None:
    path = pieces(tmp_path)
    for where in (path, tmp_path):
        tokenizer = get_tokenizer(str(where))
        assert tokenizer.decode([*tokenizer.encode("abra ∀"), tokenizer.end]) == "abra ∀"
        assert len(tokenizer.encode("abra cadabra")) < 12
    assert tokenizer.vocab == HfTokenizer(path).vocab <= 270


def test_get_tokenizer_invalid_source_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no tokenizer is called 'gtp2': name bytes, gpt2, neox"):
        get_tokenizer("gtp2")
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json is no tokenizer\.json"):
        get_tokenizer(str(broken))
    with pytest.raises(ValueError, match="no tokenizer is called"):
        get_tokenizer(str(tmp_path / "missing" / "tokenizer.json"))
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(["a"], vocab_size=256)
    tokenizer.save(str(broken))
    with pytest.raises(ValueError, match="has no token '<|endoftext|>'".replace("|", r"\|")):
        get_tokenizer(str(broken))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(LookupError, match=r"nobody/nothing gives no tokenizer\.json"):
        get_tokenizer("nobody/nothing")


def generator() -> TextGenerator:
    """An untrained network, which generates bytes of all kinds."""
    torch.manual_seed(1)
    return TextGenerator(build_model("gpt2_nano").eval(), ByteTokenizer())


def test_text_generator_stream_joins_to_generated_text() -> None:
    """Streamed text is the whole text, never half a character."""
    text_generator = generator()
    for seed in range(3):
        options: dict[str, Any] = {"sampling": SamplingParams(temperature=1.0), "seed": seed}
        parts = list(text_generator.stream("é", max_new_tokens=60, **options))
        assert "".join(parts) == text_generator.generate(["é"], max_new_tokens=60, **options)[0]
        assert not any(part.endswith(text_generation.UNFINISHED) for part in parts[:-1])


def test_text_generator_stop_string_is_omitted(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "one two\nQ: three"
    tokens = iter([[token] for token in ByteTokenizer().encode(text)])
    replace_everywhere(
        monkeypatch, "zoo.inference.generation.generate_stream", lambda *_, **__: tokens
    )
    assert list(generator().stream("", stop=["\nQ:", "nothing"]))[-1] == "o"
    tokens = iter([[token] for token in ByteTokenizer().encode(text)])
    assert generator().generate([""], stop=["\nQ:"]) == ["one two"]
    tokens = iter([[token] for token in ByteTokenizer().encode("half\nQ")])
    assert "".join(generator().stream("", stop=["\nQ:"])) == "half\nQ"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "nano.safetensors"
    save_safetensors(build_model("gpt2_nano").state_dict(), path, {})
    return path


def call(*args: str) -> Any:
    return CliRunner().invoke(app, ["generate", *args])


def test_generate_command_prints_text_and_json(file: Path) -> None:
    base = ("gpt2_nano", "--weights", str(file), "--max-new-tokens", "5")
    done = call(*base, "--prompt", "Abstract")
    assert done.exit_code == 0
    assert done.stdout.startswith("Abstract")
    both = call(*base, "--prompt", "Abstract", "--prompt", "PEP", "--json")
    rows = json.loads(both.stdout)
    assert [row["prompt"] for row in rows] == ["Abstract", "PEP"]
    assert "Abstract" + rows[0]["text"] + "\n" == done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("resnet20",), "resnet20 is no language model"),
        (("gpt2_nano", "--tokenizer", "gtp2"), "no tokenizer is called 'gtp2'"),
        (("gpt2_nano", "--prompt", "x" * 300), "a prompt of 300 tokens leaves no room"),
        (("gpt2_nano", "--top-p", "2"), "top_p is in 0..1"),
    ],
)
def test_generate_command_bad_input_raises(file: Path, args: tuple[str, ...], message: str) -> None:
    done = call(*args, "--prompt", "a", "--weights", str(file))
    assert message in str(done.exception).replace("\n", " ")


def test_text_generator_mismatched_weights_raise(file: Path) -> None:
    with pytest.raises(ValueError, match="the file lacks"):
        TextGenerator.load("muddformer_nano", weights=file)
