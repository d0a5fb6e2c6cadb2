"""Text <-> token ids: bytes, which need no file, and tokenizer.json files.

"text" -> Tokenizer.encode -> [ids] -> model -> [ids] -> Tokenizer.decode -> "text"
"""

from functools import cache
from pathlib import Path
from typing import Any, Protocol

END = "<|endoftext|>"  # of GPT-2's and GPT-NeoX's tokenizers
ENDS = (END, "</s>")  # and of translators
REPOS = {"gpt2": "openai-community/gpt2", "neox": "EleutherAI/gpt-neox-20b"}


class Tokenizer(Protocol):
    """Text to token ids and back."""

    vocab: int  # number of ids
    end: int  # id that separates documents

    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: list[int]) -> str: ...


class ByteTokenizer:
    """UTF-8: an id is a byte; 256 separates documents."""

    vocab, end = 257, 256

    def encode(self, text: str) -> list[int]:
        return list(text.encode("utf-8"))

    def decode(self, ids: list[int]) -> str:
        return bytes(i for i in ids if i < self.end).decode("utf-8", errors="replace")


class HfTokenizer:
    """A tokenizer.json, read by the `tokenizers` library."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Reader

        try:
            self.reader: Any = Reader.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"{path} is no tokenizer.json ({error})") from None
        ends = [id_ for token in ENDS if (id_ := self.reader.token_to_id(token)) is not None]
        if not ends:
            raise ValueError(f"{path} has no token {END!r} to stand between texts, nor {ENDS[1]!r}")
        self.vocab, self.end = self.reader.get_vocab_size(), ends[0]

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.reader.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: list[int]) -> str:
        text: str = self.reader.decode([i for i in ids if i != self.end])
        return text


@cache
def get_tokenizer(name: str) -> Tokenizer:
    """Load a tokenizer.

    Args:
        name: "bytes"; "gpt2" or "neox", from the Hub; another Hub repository ("org/name"); or a
            file tokenizer.json, or its folder.

    Raises:
        ValueError: for a name that is none of these, or a file that is no tokenizer.
        LookupError: if the Hub has no such file.

    Example:
        >>> get_tokenizer("bytes").encode("Hi")
        [72, 105]
    """
    if name == "bytes":
        return ByteTokenizer()
    path = Path(name)
    if path.is_dir():
        path = path / "tokenizer.json"
    if path.is_file():
        return HfTokenizer(path)
    repo = REPOS.get(name, name)
    if repo.count("/") != 1 or path.suffix == ".json":
        known = ", ".join(["bytes", *REPOS])
        raise ValueError(
            f"no tokenizer is called {name!r}: name {known}, a Hub repository or a tokenizer.json"
        )
    from huggingface_hub import hf_hub_download

    from zoo.checkpoints import endpoint

    endpoint.checked_endpoint()
    try:
        return HfTokenizer(Path(hf_hub_download(repo, "tokenizer.json")))
    except OSError as error:  # as are the errors of huggingface_hub
        cause = str(error).partition("\n")[0]
        raise LookupError(f"{repo} gives no tokenizer.json: {cause}") from None
