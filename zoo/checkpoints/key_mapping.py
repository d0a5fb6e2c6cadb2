"""Key mappings: tables, read in both directions, between a checkpoint's tensor names and the zoo's.

source keys -> to_zoo -> zoo keys -> from_zoo -> source keys
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from zoo.papers.weights import WeightsError

Pair = tuple[str, str]
Transform = Callable[[Any], Any]  # tensor -> tensor


@dataclass(frozen=True, kw_only=True)
class KeyPlan:
    """The fate of every key of a state dict."""

    renamed: Mapping[str, str] = field(default_factory=dict)  # {old key: new key}
    dropped: Mapping[str, str] = field(default_factory=dict)  # {key: reason}
    added: Mapping[str, str] = field(default_factory=dict)  # {key: reason}


@dataclass(frozen=True, kw_only=True)
class KeyMapping:
    """One naming of a network's tensors.

    Example:
        >>> mapping = KeyMapping(name="x", models=("net*",), renames=(("block#.", "layers.#."),))
        >>> mapping.to_zoo({"block3.weight": 1})
        {'layers.3.weight': 1}
        >>> mapping.from_zoo({"layers.3.weight": 1})
        {'block3.weight': 1}

    Sources that count from 1 have `#+1` where the zoo has `#`: ("unit#+1.", "layers.#.").
    """

    # Name of the source, such as "BasicSR".
    name: str
    # Names or fnmatch patterns of the models published under these keys.
    models: tuple[str, ...]
    # Substrings that must each occur in some key of the checkpoint.
    required_keys: tuple[str, ...] = ()
    # (prefix in the source, prefix in the zoo); # stands for a number, #+1 for the number after it;
    # the first match is used.
    renames: tuple[Pair, ...] = ()
    # Constructor arguments under which the checkpoint may fit.
    candidate_args: tuple[Mapping[str, Any], ...] = ({},)
    # (regular expression of zoo keys, source tensor -> zoo tensor, zoo tensor -> source tensor).
    transforms: tuple[tuple[str, Transform, Transform], ...] = ()
    # (source key, reason why the zoo has no tensor for it).
    ignored: tuple[Pair, ...] = ()
    # (source key, source key of the tensor that it repeats).
    tied: tuple[Pair, ...] = ()
    # Prefixes of zoo keys that are constants, absent from the source.
    constants: tuple[str, ...] = ()
    # A difference that the tensors do not show.
    caveat: str = ""

    def supports(self, model: str) -> bool:
        """True if weights of this model are published under these keys."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def has_required_keys(self, keys: Collection[str]) -> bool:
        """True if a checkpoint with these keys may use this mapping."""
        return all(any(required in key for key in keys) for required in self.required_keys)

    def is_constant(self, key: str) -> bool:
        """True if a zoo key has no counterpart in the source."""
        return bool(self.constants) and key.startswith(self.constants)

    def plan_to_zoo(self, keys: Collection[str]) -> KeyPlan:
        """Map source keys to zoo keys. Raises WeightsError on collisions."""
        ignored = {
            key: reason
            for key in keys
            for pattern, reason in reversed(self.ignored)
            if _compile(pattern).fullmatch(key)
        }
        return _plan(keys, self.renames, ignored | self._tied(keys))

    def plan_from_zoo(self, keys: Collection[str]) -> KeyPlan:
        """Map zoo keys to source keys. Raises WeightsError on collisions."""
        dropped = {key: "a constant of the source network" for key in keys if self.is_constant(key)}
        plan = _plan(keys, [(ours, theirs) for theirs, ours in self.renames], dropped)
        return replace(plan, added=self._tied({*plan.renamed.values(), *dict(self.tied)}))

    def to_zoo(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Rename and transform a source state dict into the zoo's.

        Raises:
            WeightsError: Two keys collide, tied tensors differ, or a shape does not fit its
                transform.
        """
        return self.to_zoo_inplace(dict(state))

    def to_zoo_inplace(self, state: dict[str, Any]) -> dict[str, Any]:
        """Do as `to_zoo`, but empty `state` tensor by tensor to save memory."""
        for copy, original in self.tied:
            if copy in state and original in state and not _equal(state[copy], state[original]):
                raise WeightsError(f"{copy} differs from {original}, and the zoo ties them")
        renamed = self.plan_to_zoo(state).renamed
        return {new: self._transform(new, state.pop(key), 1) for key, new in renamed.items()}

    def from_zoo(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Rename and transform a zoo state dict into the source's; `ignored` keys stay out."""
        plan = self.plan_from_zoo(state)
        theirs = {new: self._transform(key, state[key], 2) for key, new in plan.renamed.items()}
        originals = dict(self.tied)
        return theirs | {copy: theirs[originals[copy]].clone() for copy in plan.added}

    def _tied(self, keys: Collection[str]) -> dict[str, str]:
        """{key: reason} of the keys whose original is there too."""
        pairs = ((copy, original) for copy, original in self.tied if {copy, original} <= {*keys})
        return {copy: f"tied to {original}" for copy, original in pairs}

    def _transform(self, key: str, tensor: Any, direction: int) -> Any:
        """Transform the tensor of a zoo key; `direction` is 1 to the zoo and 2 from it."""
        transforms = (t[direction] for t in self.transforms if re.fullmatch(t[0], key))
        transform: Any = next(transforms, None)
        try:
            return transform(tensor) if transform else tensor
        except (RuntimeError, IndexError, ValueError):
            shape = tuple(tensor.shape)
            raise WeightsError(f"{key} {shape} is not in the layout of {self.name}") from None


NUMBER = re.compile(r"#(\+1)?")


@cache
def _compile(template: str) -> re.Pattern[str]:
    texts = NUMBER.split(template)[::2]
    return re.compile("([0-9]+)".join(map(re.escape, texts)))


def _rename(key: str, renames: Iterable[Pair]) -> str:
    """Replace the prefix of a key by the first pair that matches, with its numbers."""
    for old, new in renames:
        if match := _compile(old).match(key):
            numbers = map(_shifted, match.groups(), NUMBER.findall(old), NUMBER.findall(new))
            return NUMBER.sub("{}", new).format(*numbers) + key[match.end() :]
    return key


def _shifted(number: str, old: str, new: str) -> str:
    """Return the number that stands for `#` or `#+1` in `new` if `number` does in `old`."""
    return number if old == new else str(int(number) + (1 if new else -1))


def _plan(keys: Iterable[str], renames: Collection[Pair], dropped: Mapping[str, str]) -> KeyPlan:
    renamed = {key: _rename(key, renames) for key in keys if key not in dropped}
    sources: dict[str, str] = {}
    for key, new in renamed.items():
        if sources.setdefault(new, key) != key:
            raise WeightsError(f"{sources[new]} and {key} both become {new}")
    return KeyPlan(renamed=renamed, dropped=dropped)


def _equal(tensor: Any, other: Any) -> bool:
    return bool(tensor.shape == other.shape and (tensor == other).all())
