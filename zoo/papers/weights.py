"""Trained weights: where they are, what they are to the paper, what others report for them.

[[weights]] of a room's paper.toml (bundled, or published elsewhere), its timm_weights.json (on the Hub)
-> Weights

Standard library only: listing weights loads no torch.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

MODELS_DIR = Path(__file__).parent.parent / "models"
TIMM_FILE = "timm_weights.json"  # in a room; written by eval/timm_weights.py, pinned by `zoo pin`
OTHER_RECIPE = "retrained, another recipe"
RELATIONS = ("official", "port", "retrained, same recipe", OTHER_RECIPE, "architecture only")
# What a bare name may resolve to: anyone may use these for anything, with the notice kept.
PERMISSIVE = ("apache-2.0", "bsd-2-clause", "bsd-3-clause", "mit")


class WeightsError(ValueError):
    """Weights that are not what, or not where, they should be; the message says which."""


@dataclass(frozen=True, kw_only=True)
class ReportedAccuracy:
    """What a provider reports for its weights on ImageNet's validation set, in percent as printed:
    one center crop of `pixels`, a share of `crop_pct` of the resized image."""

    pixels: int
    crop_pct: Decimal
    interpolation: str
    error: Decimal
    top5_error: Decimal

    def value(self, metric: str) -> Decimal | None:
        """The number for a claim's metric; None for one that is not reported."""
        return {
            "error": self.error,
            "top5_error": self.top5_error,
            "accuracy": 100 - self.error,
            "top5_accuracy": 100 - self.top5_error,
        }.get(metric)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights "arch.tag": where they are, what they are, what they may be judged on.

    With a `repo`, `file` is in that Hub repository, at the commit `revision`. With a `url`, it is
    among the installed weights, once a person has fetched what is published there and `zoo convert
    --install` has turned it into the bytes of this sum. With neither, it is bundled. A file
    *.index.json names `shards` beside it, whose sums these are if they are pinned. `keys` is the
    scheme of the room's convert.py that its tensors are named by, if not the zoo's.
    """

    name: str
    file: str
    sha256: str
    origin: str
    license: str
    relation: str
    benchmarks: tuple[str, ...]
    preprocessing: Mapping[str, Any]
    repo: str = ""
    url: str = ""
    revision: str = ""
    shards: Mapping[str, str] = field(default_factory=dict)
    keys: str = ""
    recipe: str = ""
    seed: int = 0
    args: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    reported: tuple[ReportedAccuracy, ...] = ()
    paper: str = ""
    line: int = 0

    @property
    def model(self) -> str:
        """The architecture's name."""
        return self.name.partition(".")[0]

    @property
    def tag(self) -> str:
        """What tells these weights from others of the same architecture."""
        return self.name.partition(".")[2]

    @property
    def path(self) -> Path:
        """The file, if it is bundled or installed."""
        return installed_dir() / self.file if self.url else MODELS_DIR / self.paper / self.file

    @property
    def bundled(self) -> bool:
        """Whether they come with the zoo."""
        return not (self.repo or self.url)

    @property
    def record(self) -> Path:
        """What was measured when they were made: wrong answers by benchmark (JSON)."""
        return self.path.with_suffix(".json")

    @property
    def permissive(self) -> bool:
        """Whether a bare name may resolve to them."""
        return self.license in PERMISSIVE

    @property
    def where(self) -> str:
        """The file of the room that says so, with its line if a person wrote it."""
        return f"{self.paper}/{f'paper.toml:{self.line}' if self.line else TIMM_FILE}"


@dataclass(frozen=True, kw_only=True)
class TimmOverrides:
    """What we decide about the weights that timm has for a room: TIMM_OVERRIDES in the room's timm.py.

    `names` are timm's for networks that the zoo calls otherwise; `relations` {tag or arch.tag:
    (relation to the paper, why)} of weights that are not what eval/timm_weights.py says of their
    tag; `license` is the origin's, for weights whose license timm does not know.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    relations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    license: str = "unknown"


def installed_dir() -> Path:
    """The folder of installed weights: $ZOO_WEIGHTS, or zoo/weights in HF_HOME."""
    from huggingface_hub import constants

    given = os.environ.get("ZOO_WEIGHTS")
    return Path(given) if given else Path(constants.HF_HOME) / "zoo" / "weights"


def validate_weights(weights: Weights) -> str:
    """What breaks the rules of an entry; "" if nothing does."""
    hosted, summed = bool(weights.repo), bool(weights.sha256)
    rules = [
        (bool(weights.tag), f"a name is arch.tag, not {weights.name!r}"),
        (
            weights.relation in RELATIONS,
            f"relation must be one of {'; '.join(RELATIONS)}, not {weights.relation!r}",
        ),
        (
            (hosted and not summed) or bool(re.fullmatch("[0-9a-f]{64}", weights.sha256)),
            "sha256 must be 64 hexadecimal digits; only weights on the Hub may do without",
        ),
        (not (weights.repo and weights.url), "weights have a repo or a url, not both"),
        (
            bool(re.fullmatch("[0-9a-f]{40}" if hosted and summed else "", weights.revision)),
            "a revision is the commit (40 digits) on the Hub of a file with a sha256",
        ),
    ]
    return "; ".join(message for holds, message in rules if not holds)


def load_timm_weights(room: Path) -> tuple[Weights, ...]:
    """The weights that timm has for a room. Raises WeightsError for an entry that is wrong."""
    path = room / TIMM_FILE
    if not path.is_file():
        return ()
    entries = json.loads(path.read_text(encoding="utf-8"))["weights"]
    found = tuple(_from_json(name, entry, room.name) for name, entry in entries.items())
    for weights in found:
        if message := validate_weights(weights):
            raise WeightsError(f"{weights.where}: {weights.name}: {message}")
    return found


def _from_json(name: str, entry: dict[str, Any], room: str) -> Weights:
    preprocessing = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry["preprocessing"].items()
    }
    reported = tuple(
        ReportedAccuracy(
            pixels=row["pixels"],
            interpolation=row["interpolation"],
            **{key: Decimal(row[key]) for key in ("crop_pct", "error", "top5_error")},
        )
        for row in entry["reported"]
    )
    changed = {
        "benchmarks": tuple(entry["benchmarks"]),
        "preprocessing": preprocessing,
        "reported": reported,
    }
    return Weights(name=name, paper=room, **(entry | changed))
