"""A task of lm-evaluation-harness on stored documents, without a network.

HarnessDocuments -> ConfigurableTask of the harness -> questions: lists of its requests
"""

from itertools import groupby
from typing import Any

import datasets
import pyarrow.parquet as pq
from lm_eval.api.task import ConfigurableTask

from zoo.data.lm_harness import HarnessDocuments
from zoo.data.lm_tasks import task_config

FEWSHOT_SEED = 1234  # the harness's default


def build_task(documents: HarnessDocuments, num_fewshot: int) -> ConfigurableTask:
    """Return a task of the harness on stored documents."""

    def stored(**kwargs: Any) -> dict[str, Any]:
        splits = documents.splits.items()
        return {split: datasets.Dataset(pq.read_table(file)) for split, file in splits}

    task = ConfigurableTask(config=task_config(documents.task) | {"custom_dataset": stored})
    task.set_config(key="num_fewshot", value=num_fewshot)
    task.set_fewshot_seed(seed=FEWSHOT_SEED)
    return task


def questions(task: ConfigurableTask) -> list[list[Any]]:
    """Return the requests of each document, in order. All are built at once: the solved examples
    of one are drawn after those of the one before."""
    task.build_all_requests()
    groups = groupby(task.instances, key=lambda request: request.doc_id)
    return [list(group) for _, group in groups]
