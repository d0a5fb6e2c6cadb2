"""How others name the tensors of a network that the zoo has too: tables that are read both ways.

theirs -> apply -> ours -> undo -> theirs
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from zoo.papers.weights import WeightsError

Pair = tuple[str, str]
Change = Callable[[Any], Any]  # of a tensor


@dataclass(frozen=True, kw_only=True)
class KeyReport:
    """What became of the keys of a file: `renamed` {old: new}, `dropped` and `added` {key: why}."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeyMapping:
    """One way to name tensors.

    `marks` are pieces of keys that a file must have; `models` the names (or patterns) that come in
    it; `tries` the arguments to try. `renames` are (their beginning of a key, ours), in which #
    stands for a number: the first that matches is used, in either direction. `changes` are (pattern
    of the zoo's keys, what becomes of such a tensor, and back). What one side lacks: `drops` are
    (their key, why the zoo has none); `copies` (their key, the other one of theirs that it
    repeats); `constants` the beginnings of the zoo's keys that the network is built with. `note`
    is what the tensors do not tell.
    """

    name: str
    models: tuple[str, ...]
    marks: tuple[str, ...] = ()
    renames: tuple[Pair, ...] = ()
    tries: tuple[Mapping[str, Any], ...] = ({},)
    changes: tuple[tuple[str, Change, Change], ...] = ()
    drops: tuple[Pair, ...] = ()
    copies: tuple[Pair, ...] = ()
    constants: tuple[str, ...] = ()
    note: str = ""

    def fits(self, model: str) -> bool:
        """Whether a network's weights come in it."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def rename(self, key: str) -> str:
        """The zoo's name for a key; unchanged if nothing matches."""
        return _replaced(key, self.renames)

    def renaming(self, keys: Collection[str]) -> KeyReport:
        """What becomes of their keys. Raises WeightsError if two become the same."""
        why = {key: reason for key in keys if (reason := self._reason(key))} | self._copies(keys)
        return _renaming(keys, self.rename, why)

    def apply(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A state dict in the zoo's names and shapes. Raises WeightsError if it cannot become one:
        two keys become the same, a copy differs, or a tensor has a shape that no change is for."""
        return self.consume(dict(state))

    def consume(self, state: dict[str, Any]) -> dict[str, Any]:
        """As `apply`, with tensors that leave `state` one by one: those that change are never all
        in memory twice."""
        for copy, original in self.copies:
            if copy in state and original in state and not _same(state[copy], state[original]):
                raise WeightsError(f"{copy} is not {original} once more, as the zoo has it")
        renamed = self.renaming(state).renamed
        return {new: self._changed(new, state.pop(key), 1) for key, new in renamed.items()}

    def unnaming(self, keys: Collection[str]) -> KeyReport:
        """What becomes of the zoo's keys in theirs."""
        back = tuple((ours, theirs) for theirs, ours in self.renames)
        why = {key: "a constant of their network" for key in keys if self.has_constant(key)}
        found = _renaming(keys, lambda key: _replaced(key, back), why)
        return replace(found, added=self._copies({*found.renamed.values(), *dict(self.copies)}))

    def undo(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A state dict of the zoo in their names and shapes, without what they have no tensor for.

        What theirs need beyond the zoo's tensors (`drops`) stays out: buffers that their networks
        are built with.
        """
        renaming = self.unnaming(state)
        found = {new: self._changed(key, state[key], 2) for key, new in renaming.renamed.items()}
        originals = dict(self.copies)
        return found | {copy: found[originals[copy]].clone() for copy in renaming.added}

    def has_constant(self, key: str) -> bool:
        """Whether theirs have no tensor for a key of the zoo's."""
        return bool(self.constants) and key.startswith(self.constants)

    def _reason(self, key: str) -> str:
        """Why the zoo has no place for a key; "" if it may have one."""
        return next((why for theirs, why in self.drops if _pattern(theirs).fullmatch(key)), "")

    def _copies(self, keys: Collection[str]) -> dict[str, str]:
        """Those of `keys` that repeat another of them, and which."""
        pairs = ((copy, original) for copy, original in self.copies if {copy, original} <= {*keys})
        return {copy: f"{original}, once more" for copy, original in pairs}

    def _changed(self, key: str, value: Any, way: int) -> Any:
        change: Any = next((c[way] for c in self.changes if re.fullmatch(c[0], key)), None)
        try:
            return change(value) if change else value
        except (RuntimeError, IndexError, ValueError):
            shape = tuple(value.shape)
            raise WeightsError(f"{key} {shape} is not in the layout of {self.name}") from None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace(r"\#", "([0-9]+)"))


def _replaced(key: str, pairs: Iterable[Pair]) -> str:
    """A key with the beginning of the first pair that matches replaced, its numbers kept."""
    for old, new in pairs:
        if match := _pattern(old).match(key):
            return new.replace("#", "{}").format(*match.groups()) + key[match.end() :]
    return key


def _renaming(
    keys: Iterable[str], rename: Callable[[str], str], dropped: Mapping[str, str]
) -> KeyReport:
    """New names for all keys that are not dropped, each of them another."""
    renamed = {key: rename(key) for key in keys if key not in dropped}
    first: dict[str, str] = {}
    for key, new in renamed.items():
        if first.setdefault(new, key) != key:
            raise WeightsError(f"{first[new]} and {key} both become {new}")
    return KeyReport(renamed=renamed, dropped=dropped)


def _same(one: Any, other: Any) -> bool:
    """Whether two tensors are equal, shape and all."""
    return bool(one.shape == other.shape and (one == other).all())
