"""The designs that are compared, and the decoders of one size that have one of them.

design, budget -> width of the feed-forward networks -> decoder of that many parameters

A design joins by an entry of DESIGNS: a stream for Transformer++, or a registered decoder of its
own that takes `layers`, `width`, `heads` and `hidden`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from typing import Any

from zoo.models._builder import build_model
from zoo.models.decayed_identity.shortcuts import DecayedStream
from zoo.models.deep_cross_attention.dca import DeepCrossAttention
from zoo.models.frac_connections.frac import FracConnections
from zoo.models.gateskip.penalty import GatePenalty
from zoo.models.hyper_connections.hyper import HyperConnections
from zoo.models.ladder_residual.ladder import LadderResidual
from zoo.models.laurel.language import LaurelStream
from zoo.models.muddformer.mudd import MUDD
from zoo.models.orthogonal_residual.vision import OrthogonalStream
from zoo.models.resformer.values import Values
from zoo.models.skip_middle.control import RATE, GateControl
from zoo.modules.decoder import Connections
from zoo.modules.depth_weighted import DepthWeightedAverage
from zoo.training import Recipe
from zoo.training.language_modeling import PenalisedNextToken, byte_recipe

TEXT = "peps_mini/validation"  # every byte is scored once
TOLERANCE = 0.01  # of the budget


@dataclass(frozen=True, kw_only=True)
class Design:
    """A residual stream, and the decoder it is in."""

    title: str
    paper: str  # arXiv number
    model: str = "transformer_pp_nano"  # as zoo.create takes it
    args: Mapping[str, Any] = field(default_factory=dict)  # of its constructor
    penalty: Callable[[int], Callable[[Any], Any]] | None = None  # steps -> a recipe's `around`


def on_transformer_pp(title: str, paper: str, stream: Connections) -> Design:
    """Return a stream on Transformer++, whose weights elsewhere are drawn as without it."""
    return Design(title=title, paper=paper, args={"connections": stream})


PLAIN = "plain"
DESIGNS: dict[str, Design] = {
    PLAIN: Design(title="x + f(x) (Transformer++)", paper="2302.13971"),
    "mudd": on_transformer_pp("MUDD connections", "2502.12170", partial(MUDD, round_to=0)),
    "hyper": on_transformer_pp("hyper-connections, DHC x4", "2409.19606", HyperConnections),
    "frac": on_transformer_pp("frac-connections, DFC x4", "2503.14125", FracConnections),
    "denseformer": on_transformer_pp("DenseFormer", "2402.02622", DepthWeightedAverage),
    "value_residual": on_transformer_pp(
        "value residual (ResFormer)", "2410.17897", Values().connections()
    ),
    "laurel": on_transformer_pp(
        "LAuReL-RW+LR, rank 4",
        "2411.07501",
        partial(LaurelStream, parts="rw+lr", rank=4, normalisation="softmax"),
    ),
    "decayed": on_transformer_pp(
        "decayed identity, to 0.7", "2404.10947", partial(DecayedStream, min_decay=0.7)
    ),
    "orthogonal": on_transformer_pp("orthogonal update", "2505.11881", OrthogonalStream),
    "loop": Design(
        title="loop, all layers twice", paper="2409.14199", model="loop_transformer_pp_nano"
    ),
    "dca": on_transformer_pp("DeepCrossAttention", "2502.06785", DeepCrossAttention),
    "ladder": on_transformer_pp("ladder residual", "2501.06589", LadderResidual),
    "deepnorm": Design(
        title="DeepNorm (GELU, biases, learnt positions)", paper="2203.00555", model="deepnorm_nano"
    ),
    "skip_middle": Design(
        title="skipped middle layers",
        paper="2506.21103",
        model="skip_middle_nano",
        penalty=lambda steps: partial(GateControl, rate=RATE / steps),
    ),
    "gateskip": Design(
        title="GateSkip (no token skipped)",
        paper="2510.13876",
        model="gateskip_nano",
        penalty=lambda steps: partial(GatePenalty, steps=steps),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """A budget of parameters, and how it is spent and trained."""

    name: str
    params: int  # the budget: embeddings, stream and all
    layers: int
    width: int
    heads: int
    recipe: Mapping[str, Any] = field(default_factory=dict)  # changes of byte_recipe

    @property
    def tag(self) -> str:
        """Name of the comparison at this size, in recipes and records."""
        return f"residual_streams_{self.name}"

    @property
    def dims(self) -> dict[str, int]:
        """Arguments of a decoder, but for the width of its feed-forward networks."""
        return {"layers": self.layers, "width": self.width, "heads": self.heads}


SIZES: dict[str, Size] = {
    size.name: size
    for size in (
        Size(
            name="0.5M",
            params=500_000,
            layers=6,
            width=80,
            heads=4,
            recipe={"epochs": 9, "batch_size": 4},  # the text once
        ),
        Size(name="2M", params=2_000_000, layers=10, width=128, heads=4, recipe={"lr": 2e-3}),
    )
}


@dataclass(frozen=True)
class Fitted:
    """A decoder that spends the budget."""

    hidden: int  # width of each feed-forward network
    params: int


def subject(name: str) -> str:
    """Return the network that records name: no model of the zoo, but a decoder with a stream."""
    return f"transformer_pp+{name}"


def fit(name: str, size: Size) -> Fitted:
    """Return the width of the feed-forward networks by which a design is nearest to the budget.

    Args:
        name: of DESIGNS.
        size: budget, depth, width and heads.

    Raises:
        ValueError: no width is within 1 % of the budget.

    Example:
        >>> fit("plain", SIZES["0.5M"])
        Fitted(hidden=211, params=499600)
    """
    return _fit(name, size.params, size.layers, size.width, size.heads)


@cache
def _fit(name: str, budget: int, layers: int, width: int, heads: int) -> Fitted:
    dims = {"layers": layers, "width": width, "heads": heads}
    least = _count(name, dims, 1)
    hidden, params, slope = 1, least, float(3 * width * layers)  # SwiGLU's; else the second fits
    for _ in range(2):
        nearest = max(1, 1 + round((budget - least) / slope))
        if nearest != hidden:
            hidden, params = nearest, _count(name, dims, nearest)
            slope = (params - least) / (hidden - 1)
    if abs(params - budget) > TOLERANCE * budget:
        raise ValueError(
            f"{name} has {params:,} parameters at best, more than 1 % off the budget of {budget:,}"
        )
    return Fitted(hidden, params)


def _count(name: str, dims: Mapping[str, int], hidden: int) -> int:
    design = DESIGNS[name]
    network = build_model(design.model, device="meta", **design.args, **dims, hidden=hidden)
    return sum(parameter.numel() for parameter in network.parameters())


def recipe_of(name: str, size: Size) -> Recipe:
    """Return how a design is trained: all of a size alike, but for the network and its penalty."""
    design = DESIGNS[name]
    args = {**design.args, **size.dims, "hidden": fit(name, size).hidden}
    recipe = byte_recipe(f"{subject(name)}.{size.tag}", design.model, args=args, **size.recipe)
    if design.penalty is None:
        return recipe
    objective: Any = recipe.objective
    penalised = PenalisedNextToken(**asdict(objective))
    around = design.penalty(recipe.epochs * objective.steps)
    return replace(recipe, objective=penalised, around=around)
