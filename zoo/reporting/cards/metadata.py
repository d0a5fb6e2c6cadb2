"""Front matter of a card and .eval_results/*.yaml, as the Hub reads them.

weights, rows -> YAML
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml
from huggingface_hub.repocard_data import eval_results_to_model_index
from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

from zoo.evaluation import tasks
from zoo.models._registry import ModelEntry, get_entry
from zoo.papers.records import Paper
from zoo.papers.weights import Weights
from zoo.reporting.cards.markdown import address, protocol
from zoo.reporting.cards.results import Row

# The Hub's names of licenses, of those that have a meaning without a link.
LICENSES = (
    *("apache-2.0", "mit", "isc", "zlib", "unlicense", "wtfpl", "ncsa", "postgresql", "openrail"),
    *("bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "afl-3.0"),
    *("artistic-2.0", "ecl-2.0", "epl-1.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "mpl-2.0", "ms-pl"),
    *("osl-3.0", "agpl-3.0", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "gfdl"),
    *("cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nd-4.0"),
    *("cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
    *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "unknown"),
)
HUB = {  # data sets on the Hub, by the zoo's name
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "digits": "sklearn-docs/digits",
    "imagenet": "ILSVRC/imagenet-1k",
    "speech_commands": "google/speech_commands",
    "set5": "eugenesiow/Set5",
    "set14": "eugenesiow/Set14",
    "b100": "eugenesiow/BSD100",
    "urban100": "eugenesiow/Urban100",
    "wikitext2": "Salesforce/wikitext",
}


def front_matter(weights: Weights, paper: Paper, rows: Sequence[Row], url: str) -> str:
    """Return the YAML between the two lines `---`."""
    entry = get_entry(weights.model)
    license_keys: Any = license(weights)
    arxiv = [f"arxiv:{paper.arxiv.partition('v')[0]}"] if paper.arxiv else []
    # A classifier's data set gives its classes, so it was trained on it; others are only judged.
    sets = {HUB.get(b.partition("/")[0]) for b in weights.benchmarks if entry.is_classifier}
    data: Any = ModelCardData(
        **license_keys,
        # timm reads the files that it has on the Hub; it does not know the zoo's own names.
        library_name="timm" if entry.is_classifier and weights.repo else "zoo",
        pipeline_tag=pipeline(entry),
        tags=[paper.task, *arxiv],
        datasets=sorted(filter(None, sets)) or None,
        base_model=weights.repo or None,
    )
    index = model_index(weights, rows, url)
    text: str = yaml_dump({**data.to_dict(), **index}, sort_keys=False)
    return text.strip()


def license(weights: Weights) -> dict[str, str]:
    """Return the license keys of a card. Raises ValueError for weights without a license."""
    name = weights.license.strip().lower()
    if not name:
        raise ValueError(f"{weights.source}: {weights.name} needs a license, or `unknown`")
    if name in LICENSES:
        return {"license": name}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", name).strip("-")}


def pipeline(entry: ModelEntry) -> str:
    """Return the Hub's pipeline tag of a network."""
    return tasks.task_of(entry).pipeline


def model_index(weights: Weights, rows: Iterable[Row], url: str) -> dict[str, Any]:
    """Return {"model-index": ...} with our measurements, or {} without any.

    huggingface_hub keeps one source for all metrics of a data set: here each record has its own.
    """
    scores = [_eval_result(weights, row, url) for row in rows if row.score]
    parts = [
        list(part) for _, part in groupby(scores, key=lambda s: (s.unique_identifier, _record(s)))
    ]
    results = [eval_results_to_model_index(weights.name, part)[0]["results"][0] for part in parts]
    return {"model-index": [{"name": weights.name, "results": results}]} if results else {}


def _record(score: EvalResult) -> str:
    return str((score.metric_args or {})["record"])


def _source(row: Row, url: str) -> dict[str, str]:
    """Return name and address of a score's record, if it can be read on the web."""
    source = {"source_name": row.record, "source_url": address(url, row.record)}
    return source if url.startswith("https://") else {}


def _eval_result(weights: Weights, row: Row, url: str) -> EvalResult:
    assert row.score
    name, _, split = row.score.result.benchmark.partition("/")
    source: Any = _source(row, url)
    return EvalResult(
        task_type=pipeline(get_entry(weights.model)),
        dataset_type=HUB.get(name, name),
        dataset_name=row.score.result.benchmark,
        dataset_split=split,
        metric_type=row.score.metric,
        metric_name=row.score.metric.replace("_", " "),
        metric_value=row.score.value,
        metric_args={"protocol": protocol(row.score.result), "record": row.record},
        **source,
    )


def eval_files(weights: Weights, rows: Sequence[Row], url: str) -> dict[str, str]:
    """Return {".eval_results/NAME.yaml": text}, a file for each evaluated data set of the Hub."""
    entries: dict[str, list[EvalResultEntry]] = {}
    for row in rows:
        name = row.score.result.benchmark.partition("/")[0] if row.score else ""
        if name in HUB:
            entries.setdefault(name, []).append(_entry(weights, row, url))
    return {
        f".eval_results/{name}.yaml": yaml_dump(eval_result_entries_to_yaml(group), sort_keys=False)
        for name, group in entries.items()
    }


def _entry(weights: Weights, row: Row, url: str) -> EvalResultEntry:
    assert row.score
    name, _, split = row.score.result.benchmark.partition("/")
    source: Any = _source(row, url)
    return EvalResultEntry(
        dataset_id=HUB[name],
        task_id=f"{split}_{row.score.metric}",
        value=row.score.value,
        notes=f"{weights.name}, {protocol(row.score.result)}",
        **source,
    )
