"""Evaluation settings of a paper's protocols.

[crops.NAME]             classification: resizes and crops of an image
[super_resolution.NAME]  degradation, tiles, self-ensemble
[sliding_window.NAME]    language modeling: context and stride
[lm_harness.NAME]        language modeling: solved examples before a question
[denoising.NAME]         noise and rounding
[mfcc.NAME]              keyword spotting: cepstral coefficients
[tabular.NAME]           tables: the fold whose rows are scored
[forecasting.NAME]       scale of the values that errors are of
[time_series.NAME]       time-series classification: scale of the series
[sequence.NAME]          sequence regression: steps that are not scored
[segmentation.NAME]      probability from which a pixel is in a mask
[graph.NAME]             node classification: what is made of features and edges
[sentence.NAME]          sentence classification: spelling and number of the words
[translation.NAME]       translation: length of translations, words of BLEU
[density.NAME]           density estimation: nothing to set
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar

import msgspec


@dataclass(frozen=True, kw_only=True)
class CropProtocol:
    """Resizes and crops of an image whose predictions are averaged."""

    resize: tuple[int, ...]  # pixels of the shorter side, one or several sizes
    crop_size: int = 0  # pixels per side; 0 for whole images
    crops: Literal["center", "ten", "whole"] = "center"  # ten: corners and center, mirrored too
    interpolation: str = "bilinear"  # of the resize
    trained_at: int = 0  # pixels per side of the training crops, if the tested crop is set here
    pooling: Literal["average", "mean-max"] = "average"  # mean-max: of the classes of all places

    def __post_init__(self) -> None:
        if not self.resize or (self.crop_size > 0) == (self.crops == "whole"):
            raise ValueError("`resize` is needed, and `crop_size` unless `crops` is whole")
        if self.pooling == "mean-max" and not self.trained_at:
            raise ValueError("mean-max pooling needs `trained_at`, the size of a place")


@dataclass(frozen=True, kw_only=True)
class SuperResolutionProtocol:
    """Degradation of the large image, and inference on the small one."""

    degradation: Literal["bi", "bd"] = "bi"  # bi: bicubic; bd: blur and decimation
    colour: Literal["rgb", "y"] = "rgb"  # channels that are degraded
    forward_chop: tuple[int, ...] = ()  # (shave, most pixels of a tile); empty: the whole image
    self_ensemble: bool = False  # average over eight flips and rotations
    scored: Literal["y", "rgb"] = "y"  # channels that PSNR and SSIM are computed on
    extra_shave: int = 0  # pixels cut off at each edge before scoring, beside `scale`

    def __post_init__(self) -> None:
        if len(self.forward_chop) not in (0, 2):
            raise ValueError("forward_chop is [shave, pixels]")
        if self.extra_shave < 0:
            raise ValueError(f"extra_shave is 0 or more, not {self.extra_shave}")


@dataclass(frozen=True, kw_only=True)
class SlidingWindowProtocol:
    """Windows of tokens that a text is scored in."""

    context: int  # tokens per window
    stride: int = 0  # tokens between windows; 0: windows do not overlap
    per: Literal["token", "word"] = "token"  # unit of loss and perplexity; word: as stored
    detokenize: bool = False  # spaces and marks of the stored text are undone first

    def __post_init__(self) -> None:
        if self.context < 1 or not 0 <= self.stride <= self.context:
            raise ValueError(
                f"context is 1 or more, stride 0..context: not {self.context}, {self.stride}"
            )


@dataclass(frozen=True, kw_only=True)
class HarnessProtocol:
    """A task of lm-evaluation-harness."""

    num_fewshot: int = 0  # solved examples before each question

    def __post_init__(self) -> None:
        if self.num_fewshot < 0:
            raise ValueError(f"num_fewshot is 0 or more, not {self.num_fewshot}")


@dataclass(frozen=True, kw_only=True)
class DenoisingProtocol:
    """Noise that is added to each image, and rounding of the output."""

    seed: int = 0  # of the noise, the same for each image
    rounded: bool = True  # output clipped and rounded where the clean image has whole values
    generator: Literal["numpy", "matlab"] = "numpy"  # of the noise; matlab: before its version 5

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"a seed is 0 or more, not {self.seed}")
        if self.generator == "matlab" and self.seed:
            raise ValueError(f"MATLAB's old generator is rebuilt for seed 0, not {self.seed}")


@dataclass(frozen=True, kw_only=True)
class MfccProtocol:
    """Mel-frequency cepstral coefficients of a sound."""

    window_ms: int = 30  # length of a window
    hop_ms: int = 10  # distance between windows
    n_mels: int = 40  # mel filters
    f_min: int = 20  # Hz, of the lowest filter
    f_max: int = 4000  # Hz, of the highest filter

    def __post_init__(self) -> None:
        if min(self.window_ms, self.hop_ms, self.n_mels) < 1 or not 0 <= self.f_min < self.f_max:
            raise ValueError(
                "window_ms, hop_ms and n_mels are 1 or more, and f_min is less than f_max"
            )


@dataclass(frozen=True, kw_only=True)
class ForecastingProtocol:
    """Scale of the values that a network gets and that its errors are of."""

    standardized: bool = True  # by mean and standard deviation of the training split


@dataclass(frozen=True, kw_only=True)
class TabularProtocol:
    """Rows of a table that a network is scored on."""

    fold: int = 0  # from 1: the test rows of a fold; 0: all rows

    def __post_init__(self) -> None:
        if self.fold < 0:
            raise ValueError(f"a fold is 1 or more, or 0 for all rows, not {self.fold}")


@dataclass(frozen=True, kw_only=True)
class TimeSeriesProtocol:
    """Scale of the series that a classifier gets."""

    standardized: bool = True  # by one mean and standard deviation of all of the training split


@dataclass(frozen=True, kw_only=True)
class SequenceProtocol:
    """Steps of a series that are scored."""

    washout: int = 200  # first steps that are not: they depend on the state at the start

    def __post_init__(self) -> None:
        if self.washout < 0:
            raise ValueError(f"washout is 0 or more, not {self.washout}")


@dataclass(frozen=True, kw_only=True)
class SegmentationProtocol:
    """Probability above which a pixel counts as one of a mask."""

    threshold: float = 0.5  # a pixel of a higher probability belongs to the mask

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(f"a threshold is between 0 and 1, not {self.threshold}")


@dataclass(frozen=True, kw_only=True)
class GraphProtocol:
    """What a network of nodes gets of a graph."""

    normalized: bool = True  # the features of each node are divided by their sum
    self_loops: bool = True  # each node is a neighbour of itself


@dataclass(frozen=True, kw_only=True)
class SentenceProtocol:
    """What a network gets of the words of a sentence."""

    max_words: int = 50  # known words from the start of a sentence; others are left out
    lowercase: bool = True  # words are spelled in small letters

    def __post_init__(self) -> None:
        if self.max_words < 1:
            raise ValueError(f"max_words is 1 or more, not {self.max_words}")

    def spelled(self, words: Iterable[str]) -> Iterable[str]:
        """Return words as a vocabulary has them."""
        return map(str.lower, words) if self.lowercase else words


@dataclass(frozen=True, kw_only=True)
class TranslationProtocol:
    """Beam search, and sacreBLEU's words."""

    beams: int = 1  # 1: the most probable token at each step
    length_penalty: float = 1.0  # exponent of the length that log-probabilities are divided by
    max_tokens: int = 200  # of a translation, the end included
    tokenize: Literal["13a", "intl", "char", "none"] = "13a"  # how sacreBLEU splits into words

    def __post_init__(self) -> None:
        if min(self.beams, self.max_tokens) < 1:
            raise ValueError(
                f"beams and max_tokens are 1 or more, not {self.beams} and {self.max_tokens}"
            )


@dataclass(frozen=True, kw_only=True)
class DensityProtocol:
    """Density estimation on samples as they are: there is nothing to set."""


Protocol = (
    CropProtocol
    | SuperResolutionProtocol
    | SlidingWindowProtocol
    | HarnessProtocol
    | DenoisingProtocol
    | MfccProtocol
    | TabularProtocol
    | ForecastingProtocol
    | TimeSeriesProtocol
    | SequenceProtocol
    | SegmentationProtocol
    | GraphProtocol
    | SentenceProtocol
    | TranslationProtocol
    | DensityProtocol
)
P = TypeVar("P", bound=Protocol)
# Table of paper.toml -> protocol.
PROTOCOLS: dict[str, type[Protocol]] = {
    "crops": CropProtocol,
    "super_resolution": SuperResolutionProtocol,
    "sliding_window": SlidingWindowProtocol,
    "lm_harness": HarnessProtocol,
    "denoising": DenoisingProtocol,
    "mfcc": MfccProtocol,
    "tabular": TabularProtocol,
    "forecasting": ForecastingProtocol,
    "time_series": TimeSeriesProtocol,
    "sequence": SequenceProtocol,
    "segmentation": SegmentationProtocol,
    "graph": GraphProtocol,
    "sentence": SentenceProtocol,
    "translation": TranslationProtocol,
    "density": DensityProtocol,
}
# Field -> key in the ledger's records, where they differ.
RECORD_KEYS = {
    "resize": "shorter",
    "crop_size": "pixels",
    "forward_chop": "chop",
    "self_ensemble": "ensemble",
    "window_ms": "window",
    "hop_ms": "hop",
    "n_mels": "filters",
    "f_min": "low",
    "f_max": "high",
}
# Fields that no record has at their default: older records were written without them.
LATER = ("trained_at", "pooling", "scored", "extra_shave", "per", "detokenize", "generator")


def to_record(protocol: Protocol) -> dict[str, Any]:
    """Return a protocol as the ledger's records have it."""
    defaults = {field.name: field.default for field in fields(protocol) if field.name in LATER}
    return {
        RECORD_KEYS.get(key, key): value
        for key, value in asdict(protocol).items()
        if key not in defaults or value != defaults[key]
    }


def from_record(kind: type[P], record: Mapping[str, Any]) -> P:
    """Return the protocol of a ledger record; keys of other settings are ignored."""
    recorded = {field.name: RECORD_KEYS.get(field.name, field.name) for field in fields(kind)}
    values = {name: record[key] for name, key in recorded.items() if key in record}
    return msgspec.convert(values, kind)
