"""Entry points of torch.hub: every model of the zoo by name, and `create` for the rest.

torch.hub.load(REPOSITORY, "wrn28_10", num_classes=100)
torch.hub.load(REPOSITORY, "create", "resnet20.zoo_digits", pretrained=True)
"""

from collections.abc import Callable as _Callable
from typing import Any as _Any

from torch import nn as _nn

from zoo import create, list_models, transform, upscale

__all__ = ["create", "dependencies", "list_models", "transform", "upscale"]
dependencies = ["accelerate", "datasets", "msgspec", "safetensors", "timm", "tokenizers", "tomli"]


def _entry_point(name: str) -> _Callable[..., _nn.Module]:
    def load(pretrained: bool = False, **arguments: _Any) -> _nn.Module:
        return create(name, pretrained=pretrained, **arguments)

    load.__doc__ = f'The same as zoo.create("{name}", ...).\n\n{create.__doc__}'
    return load


globals().update({_name: _entry_point(_name) for _name in list_models()})
