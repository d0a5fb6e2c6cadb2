"""NF-ResNets and NF-RegNets (2101.08692), in timm's form where timm has the name."""

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

CFG = IMAGENET_CFG | {
    "crop_pct": 0.9,
    "interpolation": "bicubic",
    "first_conv": "stem.conv",
    "classifier": "head.fc",
}
RESNET, REGNET = (f"zoo.models.nf_resnet.model:{name}" for name in ("NFResNet", "NFRegNet"))
REGNETS = {  # blocks and widths of each stage; pixels that it is trained at, and its last map's
    "b0": ((1, 3, 6, 6), (48, 104, 208, 440), 192, 6),
    "b1": ((2, 4, 7, 7), (48, 104, 208, 440), 224, 7),
    "b2": ((2, 4, 8, 8), (56, 112, 232, 488), 240, 8),
    "b3": ((2, 5, 9, 9), (56, 128, 248, 528), 288, 9),
    "b4": ((2, 6, 11, 11), (64, 144, 288, 616), 320, 10),
    "b5": ((3, 7, 14, 14), (80, 168, 336, 704), 384, 12),
}

register_models(
    RESNET,
    {f"nf_resnet{depth}": {"depth": depth} for depth in (26, 50, 101)}
    | {f"nf_resnet{d}": {"depth": d, "form": "authors"} for d in (152, 200, 288, 600)},
    CFG,
    task="image-classification",
)
for size, (blocks, widths, pixels, last) in REGNETS.items():
    register_models(
        REGNET,
        {f"nf_regnet_{size}": {"stage_blocks": blocks, "widths": widths}},
        CFG | {"input_size": (3, pixels, pixels), "pool_size": (last, last)},
        task="image-classification",
    )
