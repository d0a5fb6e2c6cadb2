"""Expected depth and time in training, by Sec. 3 of 1603.09382, and as built."""

from zoo.models._builder import build_model
from zoo.models.stochastic_depth.survival import blocks_of, survival
from zoo.papers.records import Claim


def survivals(claim: Claim) -> list[float]:
    """Return p_l of every block as built."""
    network = build_model(claim.model, device="meta", **claim.args)
    return [survival(block) for block in blocks_of(network)]


def expected_blocks(claim: Claim) -> tuple[float, float]:
    """Return (3 L - 1) / 4 for p_L = 0.5, and the expected number of blocks as built."""
    probabilities = survivals(claim)
    return (3 * len(probabilities) - 1) / 4, round(sum(probabilities), 6)


def time_saved(claim: Claim) -> tuple[float, float]:
    """Return the time saved in percent: (1 - p_L) / 2 for a large L; and for the blocks as built.

    The latter assumes that all time is spent in blocks, and the same time in each.
    """
    probabilities = survivals(claim)
    built = 1 - sum(probabilities) / len(probabilities)
    return 100 * claim.args["drop_path_rate"] / 2, 100 * built
