"""What was measured of weights, as the Hub's .eval_results/*.yaml: a folder for each weights."""

from collections.abc import Sequence

from zoo.claims import check
from zoo.reporting import cards

MARK = "# Written by `zoo export --format eval-results`.\n"


def files(names: Sequence[str]) -> dict[str, str]:
    """{arch.tag/.eval_results/NAME.yaml: text}, from the published ledger, for each data set of the
    Hub. Raises LookupError if nothing was measured on any."""
    weights = {w.name: w for _, _, found in check.select(names) for w in found}
    made = {
        f"{name}/{path}": MARK + text
        for name, one in weights.items()
        for path, text in cards.eval_results(one, cards.rows(one)).items()
    }
    if not made:
        what = ", ".join(names) or "any weights"
        raise LookupError(f"no record of {what} on a data set of the Hub is published")
    return made
