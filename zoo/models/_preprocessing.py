"""Preprocessing that a config.json states, which anyone may have written."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from zoo.papers.weights import WeightsError

MAX_SIDE = 1 << 14  # pixels of an input
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming", "random")


def _are_numbers(value: Any) -> bool:
    """True for one to 1024 finite numbers."""
    return (
        isinstance(value, list | tuple) and 0 < len(value) <= 1024 and all(map(_is_number, value))
    )


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 1e30 and math.isfinite(value)


def _is_size(value: Any) -> bool:
    """True for channels, height and width."""
    return (
        _are_numbers(value)
        and len(value) == 3
        and all(isinstance(n, int) and 0 < n <= MAX_SIDE for n in value)
    )


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "mean": (_are_numbers, "finite numbers"),
    "std": (lambda v: _are_numbers(v) and min(v) > 0, "finite numbers above 0"),
    **dict.fromkeys(
        ("input_size", "test_input_size"),
        (_is_size, f"channels, height and width, each 1 to {MAX_SIDE}"),
    ),
    **dict.fromkeys(
        ("crop_pct", "test_crop_pct"),
        (lambda v: _is_number(v) and 0 < v <= 10, "a number above 0 and up to 10"),
    ),
    "interpolation": (lambda v: v in INTERPOLATIONS, f"one of {', '.join(INTERPOLATIONS)}"),
    "crop_mode": (lambda v: v in ("center", "squash", "border"), "center, squash or border"),
}


def stated_preprocessing(source: str, cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Return the preprocessing of a `pretrained_cfg`; other keys, and null, are left out.

    Raises:
        WeightsError: A value cannot be used.
    """
    stated = {key: cfg[key] for key in RULES if cfg.get(key) is not None}
    if "vocab_size" in cfg:  # a language model, whose input is tokens
        stated.pop("input_size", None)
    for key, value in stated.items():
        is_valid, rule = RULES[key]
        if not is_valid(value):
            raise WeightsError(
                f"{source}: {key} of its pretrained_cfg is {rule}, not {value!r:.60}"
            )
    return {key: tuple(v) if isinstance(v, list) else v for key, v in stated.items()}
