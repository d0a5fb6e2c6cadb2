"""Evaluation settings of a paper's protocols.

[crops.NAME]             classification: resizes and crops of an image
[super_resolution.NAME]  degradation, tiles, self-ensemble
[sliding_window.NAME]    language modeling: context and stride
[denoising.NAME]         noise and rounding
[mfcc.NAME]              keyword spotting: cepstral coefficients
"""

from collections.abc import Mapping
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

    def __post_init__(self) -> None:
        if not self.resize or (self.crop_size > 0) == (self.crops == "whole"):
            raise ValueError("`resize` is needed, and `crop_size` unless `crops` is whole")


@dataclass(frozen=True, kw_only=True)
class SuperResolutionProtocol:
    """Degradation of the large image, and inference on the small one."""

    degradation: Literal["bi", "bd"] = "bi"  # bi: bicubic; bd: blur and decimation
    colour: Literal["rgb", "y"] = "rgb"  # channels that are degraded
    forward_chop: tuple[int, ...] = ()  # (shave, most pixels of a tile); empty: the whole image
    self_ensemble: bool = False  # average over eight flips and rotations

    def __post_init__(self) -> None:
        if len(self.forward_chop) not in (0, 2):
            raise ValueError("forward_chop is [shave, pixels]")


@dataclass(frozen=True, kw_only=True)
class SlidingWindowProtocol:
    """Windows of tokens that a text is scored in."""

    context: int  # tokens per window
    stride: int = 0  # tokens between windows; 0: windows do not overlap

    def __post_init__(self) -> None:
        if self.context < 1 or not 0 <= self.stride <= self.context:
            raise ValueError(
                f"context is 1 or more, stride 0..context: not {self.context}, {self.stride}"
            )


@dataclass(frozen=True, kw_only=True)
class DenoisingProtocol:
    """Noise that is added to each image, and rounding of the output."""

    seed: int = 0  # of the noise, the same for each image
    rounded: bool = True  # output rounded to whole pixel values, or only clipped

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"a seed is 0 or more, not {self.seed}")


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


Protocol = (
    CropProtocol
    | SuperResolutionProtocol
    | SlidingWindowProtocol
    | DenoisingProtocol
    | MfccProtocol
)
P = TypeVar("P", bound=Protocol)
# Table of paper.toml -> protocol.
PROTOCOLS: dict[str, type[Protocol]] = {
    "crops": CropProtocol,
    "super_resolution": SuperResolutionProtocol,
    "sliding_window": SlidingWindowProtocol,
    "denoising": DenoisingProtocol,
    "mfcc": MfccProtocol,
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


def to_record(protocol: Protocol) -> dict[str, Any]:
    """Return a protocol as the ledger's records have it."""
    return {RECORD_KEYS.get(key, key): value for key, value in asdict(protocol).items()}


def from_record(kind: type[P], record: Mapping[str, Any]) -> P:
    """Return the protocol of a ledger record; keys of other settings are ignored."""
    recorded = {field.name: RECORD_KEYS.get(field.name, field.name) for field in fields(kind)}
    values = {name: record[key] for name, key in recorded.items() if key in record}
    return msgspec.convert(values, kind)
