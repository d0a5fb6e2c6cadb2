"""A model zoo of residual networks that sets each paper's claim beside a measurement.

>>> import zoo
>>> model = zoo.create("resnet20.zoo_digits", pretrained=True)

Modules are loaded on first use: `import zoo` loads neither torch nor timm.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.claims.check import check as check
    from zoo.claims.diagnosis import explain as explain
    from zoo.evaluation.tasks import transform as transform
    from zoo.inference.generation import generate as generate
    from zoo.inference.optimize import optimize as optimize
    from zoo.inference.restoration import restore as restore
    from zoo.inference.upscaling import upscale as upscale
    from zoo.models._catalog import describe as describe
    from zoo.models._catalog import list_claims as list_claims
    from zoo.models._catalog import list_models as list_models
    from zoo.models._catalog import list_papers as list_papers
    from zoo.models._catalog import register as register
    from zoo.models._factory import create as create
    from zoo.models._search import search as search

__version__ = "0.1.0"
_MODULES = {  # {public name: its module}
    "check": "zoo.claims.check",
    "create": "zoo.models._factory",
    "describe": "zoo.models._catalog",
    "explain": "zoo.claims.diagnosis",
    "generate": "zoo.inference.generation",
    "list_claims": "zoo.models._catalog",
    "list_models": "zoo.models._catalog",
    "list_papers": "zoo.models._catalog",
    "optimize": "zoo.inference.optimize",
    "register": "zoo.models._catalog",
    "search": "zoo.models._search",
    "transform": "zoo.evaluation.tasks",
    "restore": "zoo.inference.restoration",
    "upscale": "zoo.inference.upscaling",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
