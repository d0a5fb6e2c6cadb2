"""lm_eval/* benchmarks: the harness's own numbers, from documents that the catalogue stores."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

pytest.importorskip("lm_eval")

from lm_eval import simple_evaluate

from tests.support.likelihoods import likelihood, network
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.harness_questions import build_task
from zoo.evaluation.lm_harness import ZooLM
from zoo.papers.protocols import HarnessProtocol, SlidingWindowProtocol

PASSAGES = ["the cat sat on the mat", "say it is so, said the style", "we go to the other one"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tasks with few documents."""
    keys = ("distractor1", "distractor2", "distractor3", "correct_answer")
    words = ("a", "bb", "one", "style")
    sciq = [  # the same choices, each the right one in turn
        {
            "question": f"Which {i}?",
            "support": "S",
            **dict(zip(keys, words[i % 4 :] + words[: i % 4], strict=True)),
        }
        for i in range(8)
    ]
    rows = {
        "sciq": dict.fromkeys(("train", "validation", "test"), sciq),
        "lambada_openai": {"test": [{"text": text} for text in PASSAGES]},
    }
    for task, splits in rows.items():
        (tmp_path / "lm_eval" / task).mkdir(parents=True)
        for split, documents in splits.items():
            path = tmp_path / "lm_eval" / task / f"{split}.parquet"
            datasets.Dataset.from_list(documents).to_parquet(path)
        name = f"lm_eval/{task}"
        size = len(splits["test"])
        monkeypatch.setitem(BENCHMARKS, name, replace(BENCHMARKS[name], size=size))
    return tmp_path


def evaluator(name: str, data: Path, num_fewshot: int = 0) -> Any:
    benchmark = BENCHMARKS[f"lm_eval/{name}"]
    protocol = HarnessProtocol(num_fewshot=num_fewshot)
    task = tasks.TASKS["language-modeling"]
    return task.evaluator(network(), benchmark.open(data), protocol, benchmark)


@pytest.mark.slow
@pytest.mark.parametrize("num_fewshot", [0, 2])
def test_harness_task_matches_simple_evaluate(data: Path, num_fewshot: int) -> None:
    scores = evaluate(evaluator("sciq", data, num_fewshot))["scores"]
    documents: Any = BENCHMARKS["lm_eval/sciq"].open(data)
    task = build_task(documents, num_fewshot)
    results = simple_evaluate(
        model=ZooLM(network()), tasks=[task], num_fewshot=num_fewshot, bootstrap_iters=0
    )["results"]["sciq"]
    assert 0 < results["acc,none"] < 1
    assert scores["error"]["value"] == pytest.approx(100 * (1 - results["acc,none"]))
    assert scores["error"]["total"] == 8


def test_harness_task_lambada_perplexity_is_of_last_words(data: Path) -> None:
    scores = evaluate(evaluator("lambada_openai", data))["scores"]
    nats = [likelihood([*t.encode()], 1 + len(t.rpartition(" ")[2])) for t in PASSAGES]
    assert scores["perplexity"]["value"] == pytest.approx(math.exp(-sum(nats) / 3), rel=1e-4)
    assert scores["error"] | {"interval": None} == {
        "value": 100.0,
        "count": 3,
        "total": 3,
        "interval": None,
    }


def test_harness_task_keeps_version_of_harness(data: Path) -> None:
    assert evaluator("sciq", data).versions["lm_eval"][0].isdigit()


def test_open_task_missing_documents_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="`zoo data get lm_eval` writes them"):
        BENCHMARKS["lm_eval/piqa"].open(tmp_path)


def test_protocol_from_record_gives_its_kind() -> None:
    from_record = tasks.TASKS["language-modeling"].from_record
    assert from_record({"num_fewshot": 5}) == HarnessProtocol(num_fewshot=5)
    record = {"context": 8, "stride": 0}
    assert from_record(record) == SlidingWindowProtocol(context=8)
    assert from_record(record | {"per": "word"}).per == "word"


def test_book_test_choices_are_followed_by_rest_of_sentence() -> None:
    from zoo.data.lm_tasks import task_config

    document = {
        "sentences": ["The queen was here .", "She did n't `` go '' ."],
        "question": "The XXXXX said no , and left .",
        "options": ["queen", "cat"],
        "answer": "cat",
    }
    config = task_config("cbt_common_nouns")
    assert config["doc_to_text"](document) == 'The queen was here. She didn\'t "go". The'
    choices = ["queen said no, and left.", "cat said no, and left."]
    assert config["doc_to_choice"](document) == choices
    assert config["doc_to_target"](document) == 1
