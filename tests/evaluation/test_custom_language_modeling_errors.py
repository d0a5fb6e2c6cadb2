"""`zoo evaluate` for language models: what it refuses, in a sentence."""

from pathlib import Path

import datasets
import numpy as np
import pytest

from tests.evaluation.test_custom_language_modeling import file, run

__all__ = ["file"]  # a fixture


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("./nowhere.txt",), "there is no file or folder nowhere.txt"),
        (("nobody/nothing",), "nobody/nothing cannot be opened"),
        (("pyproject.toml",), r"pyproject\.toml is none of \.bin, \.txt, \.parquet"),
        (("tests",), r"tests holds no validation\.bin, \.txt or \.parquet"),
        (("cifar10/test",), "gpt2_nano is not for image-classification but for language-modeling"),
        (("wikitext2/test",), r"wikitext2/test needs wikitext2/test\.bin"),
        (("peps_mini/validation", "--context", "300"), "windows of 300 tokens are longer than"),
        (("peps_mini/validation", "--context", "-1"), "Invalid value for '--context'"),
        (("peps_mini/validation", "--stride", "300"), r"stride 0\.\.context"),
        (("peps_mini/validation", "--batch-size", "-1"), "Invalid value for '--batch-size'"),
        (("peps_mini/validation", "--tokenizer", "gtp2"), "no tokenizer is called 'gtp2'"),
        (("peps_mini/validation", "--model", "resnet20"), "resnet20 is not for language-modeling"),
    ],
)
def test_language_modeling_invalid_option_raises(
    file: Path, options: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("ZOO_DATA", raising=False)
    with pytest.raises(ValueError, match=message):
        run(file, *options)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.bin", b"\0\0\0", r"x\.bin has 3 bytes; ids of 16 bits are two bytes each"),
        ("x.bin", b"", r"x\.bin has 0 bytes"),
        ("x.bin", b"\1\0\2\0", "say --tokenizer bytes if they are by that one"),
        ("x.txt", b"\xff\xfe", r"x\.txt cannot be read: 'utf-8' codec"),
        ("x.txt", b"", "fewer than two tokens"),
        ("x.parquet", b"none", r"x\.parquet cannot be read: "),
    ],
)
def test_language_modeling_invalid_file_raises(
    file: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        run(file, tmp_path / name)


def test_language_modeling_token_id_beyond_vocab_raises(file: Path, tmp_path: Path) -> None:
    np.array([1, 300], dtype="<u2").tofile(tmp_path / "x.bin")
    with pytest.raises(ValueError, match=r"the texts have the id 300; the model has 0\.\.256"):
        run(file, tmp_path / "x.bin", "--tokenizer", "bytes")
    with pytest.raises(ValueError, match=r"no file at .*absent\.safetensors"):
        run(tmp_path / "absent.safetensors", tmp_path / "x.bin")
