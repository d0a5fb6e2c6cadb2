"""How others name the tensors of a network that the zoo has too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to name tensors. `marks` are pieces of keys that a file must have; `renames` are
    (pattern, replacement) pairs, tried in order on every key, the first that matches is used;
    `models` are the names (or patterns) that come in it; `tries` the arguments to try; `constants`
    the beginnings of the zoo's keys that a file lacks because the network is built with them.
    """

    name: str
    models: tuple[str, ...]
    marks: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    tries: tuple[Mapping[str, Any], ...] = ({},)
    constants: tuple[str, ...] = ()

    def rename(self, key: str) -> str:
        """The zoo's name for a key; unchanged if no pattern matches."""
        for pattern, replacement in self.renames:
            if re.match(pattern, key):
                return re.sub(pattern, replacement, key)
        return key
