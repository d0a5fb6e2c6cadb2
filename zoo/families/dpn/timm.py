"""What the weights that timm has for this room are to the paper (see eval/timm_weights.py)."""

from zoo.pretrained import ANOTHER, Decisions

EXTRA = "the authors' MXNet weights, trained on ImageNet-5k first, converted for timm"

TIMM = Decisions(
    relations={
        "mx_in1k": ("port", "the authors' MXNet weights, converted for timm"),
        "dpn68b.mx_in1k": ("port", EXTRA),
        "dpn107.mx_in1k": ("port", EXTRA),
        "dpn92.mx_in1k": (ANOTHER, f"{EXTRA}: its error is that of the converter's DPN-92*"),
    }
)
