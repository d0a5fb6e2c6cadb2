"""Evaluations of weights as the Hub's .eval_results/*.yaml, a folder for each weights."""

from collections.abc import Sequence

from zoo.claims.selection import select
from zoo.reporting import cards

MARK = "# Written by `zoo export --format eval-results`.\n"


def files(names: Sequence[str]) -> dict[str, str]:
    """Return {arch.tag/.eval_results/NAME.yaml: text} from the published ledger, for each data set
    of the Hub. Raises LookupError without any evaluation on one."""
    weights = {w.name: w for _, _, entries in select(names) for w in entries}
    files = {
        f"{name}/{path}": MARK + text
        for name, entry in weights.items()
        for path, text in cards.eval_results(entry, cards.rows(entry)).items()
    }
    if not files:
        what = ", ".join(names) or "any weights"
        raise LookupError(f"no record of {what} on a data set of the Hub is published")
    return files
