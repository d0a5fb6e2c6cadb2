"""Signatures of classes that hand keyword arguments on."""

import inspect
from collections.abc import Iterable


def spell_out_kwargs(cls: type, forwarded: Iterable[inspect.Parameter]) -> None:
    """Replace `**kwargs` in the signature of a class by the parameters that it forwards to.

    zoo.create, config.json and help() read the arguments of a network from its signature.
    """
    _, *parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    own = {p.name: p for p in parameters if p.kind is not p.VAR_KEYWORD}
    if len(own) < len(parameters):
        own |= {p.name: p for p in forwarded if p.name not in own}
    setattr(cls, "__signature__", inspect.Signature(list(own.values())))  # noqa: B010
