"""Records of trained weights: file, license, relation to the paper, reported accuracy.

[[weights]] of paper.toml (bundled or published), timm_weights.json (on the Hub) -> Weights

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
# Licenses of default weights: anyone may use these for anything, with the notice kept.
PERMISSIVE = ("apache-2.0", "bsd-2-clause", "bsd-3-clause", "mit")


class WeightsError(ValueError):
    """Weights that are not what, or not where, they should be; the message says which."""


@dataclass(frozen=True, kw_only=True)
class ReportedAccuracy:
    """Accuracy on ImageNet's validation set that a provider reports, in percent as printed."""

    pixels: int  # per side of the center crop
    crop_pct: Decimal  # share of the resized image that the crop shows
    interpolation: str  # of the resize
    error: Decimal  # top-1
    top5_error: Decimal

    def value(self, metric: str) -> Decimal | None:
        """Return the number for a claim's metric, None if it is not reported."""
        return {
            "error": self.error,
            "top5_error": self.top5_error,
            "accuracy": 100 - self.error,
            "top5_accuracy": 100 - self.top5_error,
        }.get(metric)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights: bundled with the zoo, in a Hub `repo`, or published at a `url`.

    Weights with a `url` are installed by `zoo convert --install` from the file that a person
    fetched there.
    """

    name: str  # arch.tag
    file: str  # path in the paper's folder, the Hub repository or the folder of installed weights
    sha256: str  # of the file; empty if it is on the Hub and not pinned
    origin: str  # who trained them, or the URL where they were first published
    license: str  # SPDX identifier as on the Hub, or `unknown`
    relation: Relation  # to the paper
    benchmarks: tuple[str, ...]  # ids that claims may be judged on
    preprocessing: Arguments  # entries of timm's pretrained_cfg; empty: those of the model
    repo: str = ""  # on the Hub
    url: str = ""  # of the published file, which has to be converted
    revision: str = ""  # commit of the pinned file in `repo`
    shards: Mapping[str, str] = field(default_factory=dict)  # file -> sha256, of an *.index.json
    key_mapping: str = ""  # name in the family's convert.py; empty: the zoo's own keys
    recipe: str = ""  # name of the configuration, or timm's tag
    seed: int = 0  # of the training run
    args: Arguments = field(default_factory=dict)  # arguments of the model
    note: str = ""  # remark for the reader
    reported: tuple[ReportedAccuracy, ...] = ()  # by the provider, at the weights' size first
    paper: str = ""  # folder in zoo/models
    line: int = 0  # in paper.toml; 0: in timm_weights.json

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

    @property
    def permissive(self) -> bool:
        """True if the weights may be the default of their architecture."""
        return self.license in PERMISSIVE

    @property
    def source(self) -> str:
        """The file that lists the weights, with its line if a person wrote it."""
        return f"{self.paper}/{f'paper.toml:{self.line}' if self.line else TIMM_FILE}"


@dataclass(frozen=True, kw_only=True)
class TimmOverrides:
    """Decisions about timm's weights of a model family: TIMM_OVERRIDES in its timm.py."""

    names: Mapping[str, str] = field(default_factory=dict)  # architecture -> timm's name
    # tag or arch.tag -> (relation, why), where RECIPES of eval/timm_weights.py do not fit
    relations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    license: str = "unknown"  # of weights whose license timm does not know


def installed_dir() -> Path:
    """Return the folder of installed weights: $ZOO_WEIGHTS, or zoo/weights in HF_HOME."""
    from huggingface_hub import constants

    folder = os.environ.get("ZOO_WEIGHTS")
    return Path(folder) if folder else Path(constants.HF_HOME) / "zoo" / "weights"


def validate_weights(weights: Weights) -> str | None:
    """Return the rules that an entry breaks, None if it keeps them all."""
    hosted, hashed = bool(weights.repo), bool(weights.sha256)
    rules = [
        (bool(weights.tag), f"a name is arch.tag, not {weights.name!r}"),
        (
            (hosted and not hashed) or bool(re.fullmatch("[0-9a-f]{64}", weights.sha256)),
            "sha256 must be 64 hexadecimal digits; only weights on the Hub may do without",
        ),
        (not (weights.repo and weights.url), "weights have a repo or a url, not both"),
        (
            bool(re.fullmatch("[0-9a-f]{40}" if hosted and hashed else "", weights.revision)),
            "a revision is the commit (40 digits) on the Hub of a file with a sha256",
        ),
    ]
    return "; ".join(message for holds, message in rules if not holds) or None


def load_timm_weights(folder: Path) -> tuple[Weights, ...]:
    """Load timm's weights of a model family. Raises WeightsError for an entry that is wrong."""
    path = folder / TIMM_FILE
    if not path.is_file():
        return ()
    entries = msgspec.json.decode(path.read_bytes())["weights"]
    return tuple(_from_json(name, entry, folder.name) for name, entry in entries.items())


def _from_json(name: str, entry: dict[str, Any], paper: str) -> Weights:
    try:
        weights = msgspec.convert(entry | {"name": name, "paper": paper}, Weights)
        problem = validate_weights(weights)
    except msgspec.ValidationError as error:
        problem = str(error)
    if problem:
        raise WeightsError(f"{paper}/{TIMM_FILE}: {name}: {problem}")
    return weights
