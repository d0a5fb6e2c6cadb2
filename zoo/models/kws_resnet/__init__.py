"""Keyword spotting (1710.10361): res8, res15 and res26 of 45 feature maps, or of 19 ("narrow")."""

from functools import partial

from zoo.models._cfgs import keyword_spotting_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="keyword-spotting")
TARGET = "zoo.models.kws_resnet.model:KeywordResNet"

for end, width in {"": 45, "_narrow": 19}.items():
    res8 = {"width": width, "blocks": 3, "pool": (4, 3)}
    res26 = {"width": width, "blocks": 12, "pool": (2, 2)}
    res15 = {"width": width, "blocks": 6, "dilated": True}
    register(TARGET, {f"kws_res8{end}": res8}, keyword_spotting_cfg((25, 13)))
    register(TARGET, {f"kws_res15{end}": res15}, keyword_spotting_cfg((101, 40)))
    register(TARGET, {f"kws_res26{end}": res26}, keyword_spotting_cfg((50, 20)))
