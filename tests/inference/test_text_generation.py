"""Generation of texts: tokenizers, streams, stop strings, the command."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
from typer.testing import CliRunner

from tests.support.patching import replace_everywhere
from zoo.checkpoints.writing import save_safetensors
from zoo.cli import app
from zoo.data.tokenizers import END, ByteTokenizer, HfTokenizer, get_tokenizer
from zoo.inference import text_generation
from zoo.inference.generation import SamplingParams
from zoo.inference.text_generation import TextGenerator
from zoo.models._builder import build_model


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
