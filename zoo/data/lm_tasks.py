"""The tasks of lm_eval/* benchmarks: lm-evaluation-harness's configurations, and two of ours.

name -> configuration of the harness, whose documents are on the Hub

Two sets are no tasks there: the middle-school half of RACE, which is asked like the high-school
half, and the Children's Book Test, where the rest of the sentence follows each choice (Sec. 3.2 of
GPT-2's paper).
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from zoo.data.detokenizers import children_books

try:
    import lm_eval.tasks
    from lm_eval.tasks._yaml_loader import load_yaml  # the index of all tasks takes 20 seconds
except ModuleNotFoundError as error:
    raise LookupError(
        f"lm-evaluation-harness is not installed ({error}): install residual-zoo[harness]"
    ) from None

FILES = {  # task of the zoo -> the harness's file
    "lambada_openai": "lambada/lambada_openai.yaml",
    "piqa": "piqa/piqa.yaml",
    "winogrande": "winogrande/default.yaml",
    "arc_easy": "arc/arc_easy.yaml",
    "arc_challenge": "arc/arc_challenge.yaml",
    "sciq": "sciq/sciq.yaml",
    "logiqa": "logiqa/logiqa.yaml",
    "boolq": "super_glue/boolq/default.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "race_middle": "race/race.yaml",
    "race_high": "race/race.yaml",
}
GAP = "XXXXX"  # stands for the missing word in the Children's Book Test


def _book_context(document: Mapping[str, Any]) -> str:
    """Return twenty sentences and the beginning of the next one."""
    begin = str(document["question"]).partition(GAP)[0]
    return children_books(" ".join([*document["sentences"], begin])).rstrip()


def _book_choices(document: Mapping[str, Any]) -> list[str]:
    """Return each candidate with the rest of the sentence."""
    rest = str(document["question"]).partition(GAP)[2]
    return [children_books(f"{option}{rest}").strip() for option in document["options"]]


def task_config(name: str) -> dict[str, Any]:
    """Return the harness's configuration of a task; its documents are on the Hub.

    Raises:
        KeyError: There is no such task.
    """
    if name.startswith("cbt_"):
        return {
            "task": name,
            "dataset_path": "cam-cst/cbt",
            "dataset_name": {"cbt_common_nouns": "CN", "cbt_named_entities": "NE"}[name],
            "output_type": "multiple_choice",
            "validation_split": "validation",
            "doc_to_text": _book_context,
            "doc_to_choice": _book_choices,
            "doc_to_target": lambda document: document["options"].index(document["answer"]),
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        }
    file = Path(lm_eval.tasks.__file__).parent / FILES[name]
    config: dict[str, Any] = {**load_yaml(file, resolve_func=True), "task": name}
    if name == "race_middle":
        config |= {"dataset_path": "ehovy/race", "dataset_name": "middle"}
    return config


def used_splits(config: Mapping[str, Any]) -> list[str]:
    """Return the splits of a data set that a task uses."""
    keys = ("training_split", "validation_split", "test_split", "fewshot_split")
    return list(dict.fromkeys(str(config[key]) for key in keys if config.get(key)))


def by_article(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return documents of RACE as the harness has them: an article, and all questions on it.

    Args:
        rows: Article, question, options and answer of each question, those of an article together.
    """
    keys = ("question", "answer", "options")
    return [
        {"article": article, "problems": str([{key: row[key] for key in keys} for row in group])}
        for article, group in groupby(rows, key=lambda row: row["article"])
    ]
