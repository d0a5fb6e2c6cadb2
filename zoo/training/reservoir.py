"""Reservoir networks, fitted in closed form with the hyperparameters of their family.

family's hyperparameters.json -> ReservoirRecipe -> seed -> network, drawn -> states -> ridge

Only the readout is fitted: standardized states -> outputs, by ridge regression; classes become
columns of -1 and 1, as in scikit-learn's RidgeClassifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo._io import read_json
from zoo.data.sequences import Sequences
from zoo.data.ucr import Series
from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.modules.reservoir import Readout
from zoo.papers.weights import MODELS_DIR


@dataclass(frozen=True, kw_only=True)
class ReservoirFit:
    """How a network is drawn and fitted for one benchmark."""

    arguments: Mapping[str, Any]  # of the network
    l2: float  # of the readout's weights, not its bias


@dataclass(frozen=True, kw_only=True)
class ReservoirRecipe:
    """Fits of a network to benchmarks."""

    name: str  # arch.tag
    model: str  # architecture
    fits: Mapping[str, ReservoirFit]  # by benchmark


def recipe_of(model: str) -> ReservoirRecipe:
    """Return the recipe of a network.

    Raises:
        LookupError: its paper has no hyperparameters of it.

    Example:
        >>> recipe_of("resrmn_r").fits["ucr/adiac"].l2
        10.0
    """
    paper = get_entry(model).family.rpartition(".")[2]
    path = MODELS_DIR / paper / "hyperparameters.json"
    stored = read_json(path) if path.is_file() else {}
    networks = stored.get("networks", {})
    if model not in networks:
        known = ", ".join(networks) or "no reservoir"
        raise LookupError(f"{paper} has hyperparameters of {known}, not of {model}")
    fits = {name: ReservoirFit(**fit) for name, fit in networks[model].items()}
    return ReservoirRecipe(name=f"{model}.{stored['tag']}", model=model, fits=fits)


@torch.no_grad()
def fit_series(
    model: str, samples: Series, fit: ReservoirFit, seed: int, classes: int
) -> nn.Module:
    """Draw a classifier of series by a seed, and fit its readout to the training split.

    Args:
        model: architecture.
        samples: test split, with its training split; series are taken as they are.
        fit: arguments of the network and l2.
        seed: of everything that is drawn.
        classes: number of classes.
    """
    training = samples.training or samples
    network: Any = _draw(model, seed, classes=classes, **fit.arguments)
    states = network.states(torch.from_numpy(training.values).float()[:, None])
    targets = np.where(training.labels[:, None] == np.arange(classes), 1.0, -1.0)
    fit_readout(network.readout, states, targets, fit.l2)
    return network


@torch.no_grad()
def fit_sequences(
    model: str, training: Sequences, fit: ReservoirFit, seed: int, washout: int
) -> nn.Module:
    """Draw a network of sequences by a seed, and fit its readout to every step.

    Args:
        model: architecture.
        training: training split.
        fit: arguments of the network and l2.
        seed: of everything that is drawn.
        washout: first steps of each series that are left out.
    """
    sizes = {"inputs": training.x.shape[-1], "outputs": training.y.shape[-1]}
    network: Any = _draw(model, seed, **sizes, **fit.arguments)
    states = network.states(torch.from_numpy(training.x).float())[:, washout:]
    fit_readout(
        network.readout,
        states.flatten(0, 1),
        training.y[:, washout:].reshape(-1, sizes["outputs"]),
        fit.l2,
    )
    return network


def _draw(model: str, seed: int, **arguments: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(model, **arguments)


def fit_readout(readout: Readout, states: Tensor, targets: NDArray[np.float64], l2: float) -> None:
    """Fit a readout in place: ridge regression on standardized states, in float64.

    Args:
        readout: of as many units and outputs as the data.
        states: (N, units).
        targets: (N, outputs).
        l2: of the squared weights, added to the sum of squared errors.

    Example:
        >>> readout, states = Readout(2, 1), torch.tensor([[0.0, 1.0], [1.0, 5.0], [2.0, 0.0]])
        >>> fit_readout(readout, states, states[:, :1].double().numpy() * 3 + 1, l2=0.0)
        >>> [round(value, 4) for value in readout(states)[:, 0].tolist()]
        [1.0, 4.0, 7.0]
    """
    from sklearn.linear_model import Ridge  # takes a second to import
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(states.double().numpy())
    ridge = Ridge(alpha=l2, solver="svd").fit(scaler.transform(states.double().numpy()), targets)
    with torch.no_grad():
        readout.mean.copy_(torch.from_numpy(scaler.mean_))
        readout.deviation.copy_(torch.from_numpy(scaler.scale_))
        readout.weight.copy_(torch.from_numpy(ridge.coef_.reshape(readout.weight.shape)))
        readout.bias.copy_(torch.from_numpy(np.atleast_1d(ridge.intercept_)))
