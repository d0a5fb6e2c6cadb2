"""Records of trained weights: file, license, relation to the paper, reported accuracy.

[[weights]] of paper.toml, and *_weights.json of timm (on the Hub) and others (at urls) -> Weights

Loads no torch.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

if TYPE_CHECKING:
    Arguments = Mapping[str, Any]
else:  # what TOML and JSON are converted to: floats, and tuples for lists
    Scalar = bool | int | float | str
    Argument = Scalar | tuple[Scalar, ...]
    Arguments = Mapping[str, Argument | Mapping[str, Argument]]

MODELS_DIR = Path(__file__).parent.parent / "models"
TIMM_FILE = "timm_weights.json"  # written by eval/timm_weights.py and `zoo dev pin`
Relation = Literal[
    "official", "port", "retrained, same recipe", "retrained, another recipe", "architecture only"
]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
OTHER_RECIPE: Relation = "retrained, another recipe"
SUM = "|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{8,64}"  # pattern of Weights.sum
# Licenses of default weights: anyone may use these for anything, with the notice kept.
PERMISSIVE = ("apache-2.0", "bsd-2-clause", "bsd-3-clause", "mit")


class WeightsError(ValueError):
    """Weights that are not what, or not where, they should be; the message says which."""


@dataclass(frozen=True, kw_only=True)
class ReportedScores:
    """What a provider reports on a benchmark, as printed: errors in percent, PSNR in dB."""

    benchmark: str = "imagenet/val"  # id; timm reports on no other
    pixels: int = 0  # per side of the center crop; 0: not stated
    crop_pct: Decimal | None = None  # share of the resized image that the crop shows
    interpolation: str = ""  # of the resize
    error: Decimal | None = None  # top-1, in percent
    top5_error: Decimal | None = None  # in percent
    psnr: Decimal | None = None  # in dB
    ssim: Decimal | None = None  # from 0 to 1

    def value(self, metric: str) -> Decimal | None:
        """Return the number for a claim's metric, None if it is not reported."""
        if metric.endswith("accuracy"):
            error = self.value(metric.replace("accuracy", "error"))
            return None if error is None else 100 - error
        reported = (self.error, self.top5_error, self.psnr, self.ssim)
        return dict(zip(("error", "top5_error", "psnr", "ssim"), reported, strict=True)).get(metric)

    def __str__(self) -> str:
        """Return all of it in a line, as `zoo show` and the cards print it."""
        errors = " / ".join(str(e) for e in (self.error, self.top5_error) if e is not None)
        parts = (
            errors and f"{errors} %",
            self.psnr is not None and f"{self.psnr} dB",
            self.ssim is not None and f"SSIM {self.ssim}",
            self.pixels and f"at {self.pixels}, crop {self.crop_pct}",
        )
        return f"{self.benchmark}: " + ", ".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights: bundled with the zoo, in a Hub `repo`, or published at a `url`.

    A file at a `url` is downloaded, checked and converted once; the zoo loads what was converted.
    """

    name: str  # arch.tag
    file: str  # path in the paper's folder, the Hub repository or the folder of installed weights
    sha256: str  # of the file; empty if it is on the Hub or at a url, and not pinned
    origin: str  # who trained them, or the URL where they were first published
    license: str  # SPDX identifier as on the Hub, or `unknown`
    relation: Relation  # to the paper
    benchmarks: tuple[str, ...]  # ids that claims may be judged on
    preprocessing: Arguments  # entries of timm's pretrained_cfg; empty: those of the model
    repo: str = ""  # on the Hub
    url: str = ""  # of the published checkpoint, or of a zip with it
    sum: str = ""  # of the checkpoint, not its zip: "sha1:" or "sha256:" and hexadecimal digits
    member: str = ""  # path in the zip, or name of one of several networks; empty: the only one
    provider: str = ""  # who publishes the file at `url`
    revision: str = ""  # commit of the pinned file in `repo`
    shards: Mapping[str, str] = field(default_factory=dict)  # file -> sha256, of an *.index.json
    key_mapping: str = ""  # name in the family's convert.py; empty: the zoo's, or detected at a url
    recipe: str = ""  # name of the configuration, or timm's tag
    protocol: str = ""  # key of the paper's [protocols], if they may be judged by no other
    seed: int = 0  # of the training run
    args: Arguments = field(default_factory=dict)  # arguments of the model
    note: str = ""  # remark for the reader
    reported: tuple[ReportedScores, ...] = ()  # by the provider, at the weights' size first
    paper: str = ""  # folder in zoo/models
    line: int = 0  # in paper.toml; 0: in `listing`
    listing: str = TIMM_FILE  # generated file in the paper's folder that has the entry

    @property
    def model(self) -> str:
        """The architecture's name."""
        return self.name.partition(".")[0]

    @property
    def tag(self) -> str:
        """The part of the name after the architecture."""
        return self.name.partition(".")[2]

    @property
    def path(self) -> Path:
        """The file, if it is bundled or installed."""
        return installed_dir() / self.file if self.url else MODELS_DIR / self.paper / self.file

    @property
    def bundled(self) -> bool:
        """True if the weights come with the zoo."""
        return not (self.repo or self.url)

    @property
    def record(self) -> Path:
        """Scores at the end of training, by benchmark (JSON)."""
        return self.path.with_suffix(".json")

    def reported_value(self, benchmark: str, metric: str) -> Decimal | None:
        """Return the provider's own number on a benchmark, None if it reports none."""
        values = (r.value(metric) for r in self.reported if r.benchmark == benchmark)
        return next((value for value in values if value is not None), None)

    @property
    def permissive(self) -> bool:
        """True if the weights may be the default of their architecture."""
        return self.license in PERMISSIVE

    @property
    def source(self) -> str:
        """The file that lists the weights, with its line if a person wrote it."""
        return f"{self.paper}/{f'paper.toml:{self.line}' if self.line else self.listing}"


@dataclass(frozen=True, kw_only=True)
class TimmOverrides:
    """Decisions about timm's weights of a model family: TIMM_OVERRIDES in its timm.py."""

    names: Mapping[str, str] = field(default_factory=dict)  # architecture -> timm's name
    # tag or arch.tag -> (relation, why), where RECIPES of eval/timm_weights.py do not fit
    relations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)  # as `relations` -> Weights.protocol
    license: str = "unknown"  # of weights whose license timm does not know


def installed_dir() -> Path:
    """Return the folder of installed weights: $ZOO_WEIGHTS, or zoo/weights in HF_HOME."""
    from huggingface_hub import constants

    folder = os.environ.get("ZOO_WEIGHTS")
    return Path(folder) if folder else Path(constants.HF_HOME) / "zoo" / "weights"


def validate_weights(weights: Weights) -> str | None:
    """Return the rules that an entry breaks, None if it keeps them all."""
    hosted, hashed = bool(weights.repo), bool(weights.sha256)
    remote = hosted or bool(weights.url)
    rules = [
        (bool(weights.tag), f"a name is arch.tag, not {weights.name!r}"),
        (
            (remote and not hashed) or bool(re.fullmatch("[0-9a-f]{64}", weights.sha256)),
            "sha256 must be 64 hexadecimal digits; only weights on the Hub or at a url may do "
            "without",
        ),
        (not (weights.repo and weights.url), "weights have a repo or a url, not both"),
        (
            bool(weights.url) or not (weights.sum or weights.member),
            "`sum` and `member` are of the file at a `url`",
        ),
        (
            bool(re.fullmatch(SUM, weights.sum)),
            "a sum is sha1: and 40 hexadecimal digits, or sha256: and 8 to 64",
        ),
        (
            bool(re.fullmatch("[0-9a-f]{40}" if hosted and hashed else "", weights.revision)),
            "a revision is the commit (40 digits) on the Hub of a file with a sha256",
        ),
    ]
    return "; ".join(message for holds, message in rules if not holds) or None


def load_generated_weights(folder: Path) -> tuple[Weights, ...]:
    """Load the generated entries of a model family: {"weights": {name: entry}} of *_weights.json.

    timm's come first, then those of the other files by name.

    Raises:
        WeightsError: An entry is wrong, or two have the same name.
    """
    weights: dict[str, Weights] = {}
    files = sorted(folder.glob("*_weights.json"), key=lambda p: (p.name != TIMM_FILE, p.name))
    for path in files:
        for name, entry in msgspec.json.decode(path.read_bytes())["weights"].items():
            each = _from_json(name, entry | {"paper": folder.name, "listing": path.name})
            if weights.setdefault(name, each) is not each:
                raise WeightsError(f"{each.source}: {name} is in {weights[name].source} already")
    return tuple(weights.values())


def _from_json(name: str, entry: dict[str, Any]) -> Weights:
    try:
        weights = msgspec.convert(entry | {"name": name}, Weights)
        problem = validate_weights(weights)
    except msgspec.ValidationError as error:
        problem = str(error)
    if problem:
        raise WeightsError(f"{entry['paper']}/{entry['listing']}: {name}: {problem}")
    return weights
