"""A network's forward pass, compiled by torch.

network -> dynamo -> one graph -> inductor
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch
from torch import nn


class CompiledForward:
    """The forward pass of a network, compiled when it is called with another kind of input.

    Copies and pickles are compiled anew.

    Args:
        model: the network, in eval mode.
        frozen: weights are constants of the graph: inductor orders them for oneDNN.
        options: of torch.compile.
    """

    def __init__(self, model: nn.Module, frozen: bool, **options: Any) -> None:
        self.model, self.frozen, self.options = model, frozen, options
        self.compiled = torch.compile(_own_code(model), **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # torch.compile's option of that name comes too late: weights are inputs by then
        with torch._inductor.config.patch(freezing=self.frozen):
            return self.compiled(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "frozen": self.frozen, "options": self.options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.compiled = torch.compile(_own_code(self.model), **self.options)


def _own_code(model: nn.Module) -> Callable[..., Any]:
    """Return a network's forward pass as a function with code of its own.

    torch compiles a code eight times, and then runs it as it is: networks of a class share theirs.
    """

    def forward(*args: Any, **kwargs: Any) -> Any:
        return type(model).forward(model, *args, **kwargs)

    return FunctionType(
        forward.__code__.replace(), forward.__globals__, closure=forward.__closure__
    )
