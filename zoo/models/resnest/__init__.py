"""ResNeSt (2004.08955) by timm's names: d has a stem of width 32, e of 64; 50d is 2s1x64d."""

from typing import Any

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

PIXELS = {14: 224, 26: 224, 50: 224, 101: 256, 200: 320, 269: 416}  # per side, as trained

for depth, pixels in PIXELS.items():
    name = f"resnest{depth}{'d' if depth <= 50 else 'e'}"
    models: dict[str, dict[str, Any]] = {name: {"depth": depth}}
    for setting in ("1s4x24d", "4s2x40d") if depth == 50 else ():
        models[f"{name}_{setting}"] = {"depth": depth, "setting": setting, "fast": True}
    register_models(
        "zoo.models.resnest.model:ResNeSt",
        models,
        IMAGENET_CFG
        | {
            "input_size": (3, pixels, pixels),
            "pool_size": (pixels // 32, pixels // 32),
            "crop_pct": pixels * 1000 // (pixels + 32) / 1000,
            "interpolation": "bicubic",
            "first_conv": "conv1.0",
        },
        task="image-classification",
    )
