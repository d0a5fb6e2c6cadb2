"""What the weights that timm has for this room are to the paper (see eval/timm_weights.py)."""

from zoo.pretrained import Decisions

TIMM = Decisions(views={"imagenet-center": (224, 0.875), "fb-1crop": (224, 0.875)})
