"""How others name the tensors of a network that the zoo has too."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to name tensors. `marks` are pieces of keys that a file must have; `renames` are
    (pattern, replacement) pairs, tried in order on every key, the first that matches is used;
    `models` are the names (or patterns) that come in it; `tries` the arguments to try; `constants`
    the beginnings of the zoo's keys that a file lacks because the network is built with them;
    `changes` are (pattern of the zoo's keys, what becomes of such a tensor).
    """

    name: str
    models: tuple[str, ...]
    marks: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    tries: tuple[Mapping[str, Any], ...] = ({},)
    constants: tuple[str, ...] = ()
    changes: tuple[tuple[str, Callable[[Any], Any]], ...] = ()

    def fits(self, model: str) -> bool:
        """Whether a network's weights come in it."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def rename(self, key: str) -> str:
        """The zoo's name for a key; unchanged if no pattern matches."""
        for pattern, replacement in self.renames:
            if re.match(pattern, key):
                return re.sub(pattern, replacement, key)
        return key

    def apply(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A state dict in the zoo's names and shapes, without what the zoo has no name for ("")."""
        return {
            new: self._change(new, value)
            for key, value in state.items()
            if (new := self.rename(key))
        }

    def _change(self, key: str, value: Any) -> Any:
        changes = (change for pattern, change in self.changes if re.fullmatch(pattern, key))
        return next(changes, lambda tensor: tensor)(value)
