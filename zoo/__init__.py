"""A model zoo of residual networks that sets each paper's claim beside a measurement.

>>> import zoo
>>> model = zoo.create("resnet20", pretrained=True)

Everything is loaded when it is first used: `import zoo` loads neither torch nor timm.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.api import (
        check,
        claims,
        create,
        describe,
        explain,
        generate,
        list_models,
        optimize,
        papers,
        register,
        transform,
        upscale,
    )

__version__ = "0.1.0"
__all__ = [
    "check",
    "claims",
    "create",
    "describe",
    "explain",
    "generate",
    "list_models",
    "optimize",
    "papers",
    "register",
    "transform",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("zoo.api"), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
