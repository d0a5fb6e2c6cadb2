"""zoo/harness.py: what lm-evaluation-harness makes of a model, recomputed by hand; no network."""

import importlib
import json
import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import yaml
from lm_eval.api.registry import get_model

from tests.conftest import ROOT
from tests.support.likelihoods import greedy, likelihood, network
from zoo.checkpoints.writing import save_safetensors
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import lm_harness
from zoo.evaluation.lm_harness import ZooLM
from zoo.models._builder import load_class

END, CONTEXT = 256, 256
TEXTS: Any = BENCHMARKS["peps_mini/validation"].open()
LONG = [TEXTS[0][:700].strip(), TEXTS[1][:256], TEXTS[2][:99] + "é", TEXTS[3][:513]]
CHOICES = [
    {"q": f"Which? {i}\nAnswer:", "choices": ["style", "a longer one", "C"], "label": i % 3}
    for i in range(9)
]


@pytest.fixture(scope="module")
def lm() -> ZooLM:
    return ZooLM(network(), batch_size=3)


def rolling(text: str) -> float:
    """In windows of the context; the last one is as long as the others, for it begins earlier."""
    ids = [END, *text.encode()]
    n = len(ids) - 1
    spans = [(begin, min(begin + CONTEXT, n)) for begin in range(0, n, CONTEXT)]
    return sum(likelihood(ids[max(0, end - CONTEXT) : end + 1], end - at) for at, end in spans)


def per_byte() -> float:
    return -sum(map(rolling, LONG)) / sum(len(text.encode()) for text in LONG)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three tasks of our own, as .yaml files: choices, whole texts, and texts to be written."""
    folder = tmp_path_factory.mktemp("tasks")
    stop = (spoken := greedy("Say it", 20))[5]
    says = [{"q": "Say it", "a": spoken.partition(stop)[0]}, {"q": "Say more", "a": "nothing"}]
    mean = {"aggregation": "mean", "higher_is_better": True}
    choose = {
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{label}}",
        "doc_to_choice": "{{choices}}",
        "metric_list": [{"metric": "acc", **mean}],
    }
    read = {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "byte_perplexity"}, {"metric": "bits_per_byte"}],
    }
    say = {
        "output_type": "generate_until",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{a}}",
        "generation_kwargs": {"until": [stop], "max_gen_toks": 20},
        "metric_list": [{"metric": "exact_match", **mean}],
    }
    texts = [{"text": text} for text in LONG]
    made = {"choose": (CHOICES, choose), "read": (texts, read), "say": (says, say)}
    for name, (rows, task) in made.items():
        file = folder / f"{name}.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        data = {"data_files": {"test": str(file)}, "cache_dir": str(folder / "cache")}
        head = {"task": name, "dataset_path": "json", "dataset_kwargs": data, "test_split": "test"}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(head | task), encoding="utf-8")
    return [str(folder / f"{name}.yaml") for name in made]


@pytest.mark.slow
def test_evaluate_every_output_type_matches_hand_computation(lm: ZooLM, tasks: list[str]) -> None:
    results = lm_harness.evaluate(lm, tasks)["results"]

    def best(row: dict[str, Any]) -> int:
        likelihoods = [
            likelihood([*row["q"].encode(), *f" {choice}".encode()], len(f" {choice}"))
            for choice in row["choices"]
        ]
        return likelihoods.index(max(likelihoods))

    right = sum(best(row) == row["label"] for row in CHOICES)
    assert 0 < right < len(CHOICES)
    assert results["choose"]["acc,none"] == pytest.approx(right / len(CHOICES))
    assert results["read"]["byte_perplexity,none"] == pytest.approx(math.exp(per_byte()), rel=1e-5)
    assert results["read"]["bits_per_byte,none"] == pytest.approx(
        per_byte() / math.log(2), rel=1e-6
    )
    assert results["say"]["exact_match,none"] == 0.5


def asked(*requests: tuple[Any, ...]) -> list[Any]:
    return [SimpleNamespace(args=args) for args in requests]


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_loglikelihood_any_batch_size_matches_direct_sum(batch_size: int) -> None:
    """Of pairs of any lengths; of what begins before the context; of no context; of a space."""
    lm = ZooLM(network(), batch_size=batch_size)
    pairs = [("One", " two"), ("", "three"), (LONG[0], " four"), ("Five ", "six"), (" ", "x")]
    likelihoods = lm.loglikelihood(asked(*pairs), disable_tqdm=True)
    expected = [
        likelihood([*b"One two"], 4),
        likelihood([END, *b"three"], 5),
        likelihood([*LONG[0].encode(), *b" four"][-CONTEXT - 1 :], 5),
        likelihood([*b"Five six"], 4),
        likelihood([END, *b" x"], 2),
    ]
    assert [value for value, _ in likelihoods] == pytest.approx(expected, rel=1e-6)
    whole = lm.loglikelihood_rolling(asked(*((text,) for text in [*LONG, ""])), disable_tqdm=True)
    assert whole == pytest.approx([*map(rolling, LONG), 0.0], rel=1e-6)


def test_loglikelihood_flags_greedy_continuations(lm: ZooLM) -> None:
    spoken = greedy("Say it", 5)
    other = spoken[:-1] + ("A" if spoken[-1] != "A" else "B")
    pairs = asked(("Say it", spoken), ("Say it", other))
    likelihoods = lm.loglikelihood(pairs, disable_tqdm=True)
    assert [is_greedy for _, is_greedy in likelihoods] == [True, False]


def test_generate_until_follows_options_and_stops(lm: ZooLM) -> None:
    """By its own options each; up to a stop; prompts lose what does not fit."""
    once = {"max_gen_toks": 7}
    stop = greedy("Say it", 3)[2]
    prompts = [
        ("Say it", once),
        (LONG[0], once),
        ("Say it", {"until": stop, "max_new_tokens": 9, "temperature": 0.7, "do_sample": False}),
        ("Or this", once),
    ]
    texts = lm.generate_until(asked(*prompts), disable_tqdm=True)
    assert texts[0] == greedy("Say it", 7)
    assert texts[1] == greedy(LONG[0][-(CONTEXT - 7) :], 7)
    assert texts[2] == greedy("Say it", 3).partition(stop)[0]
    assert texts[3] == greedy("Or this", 7)
    (long,) = lm.generate_until(asked(("Say it", {})), disable_tqdm=True)
    assert len(long) == CONTEXT // 2  # 256 tokens, the default, would leave no room for a prompt


def test_generate_until_sampling_follows_seed(lm: ZooLM) -> None:
    hot = {"do_sample": True, "max_gen_toks": 20, "until": []}
    kinds: list[dict[str, Any]] = [hot, hot | {"temperature": 2.0}, hot | {"top_k": 1}]
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(lm.generate_until(asked(*(("Say it", kind) for kind in kinds)), True))
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[0][:2], drawn[2][:2], strict=True))
    assert drawn[0][0] != drawn[0][1]
    assert drawn[0][2] == greedy("Say it", 20)


def test_generate_until_sampling_is_independent_of_batch_size(lm: ZooLM) -> None:
    """A prompt that is repeated is drawn anew in every batch size."""
    hot = {"do_sample": True, "max_gen_toks": 20, "until": []}
    prompts = [("Say it", hot), ("Or this, at length", hot), ("Say it", hot)]
    texts = []
    for batch_size in (1, 2, 3):
        lm.batch_size = batch_size
        torch.manual_seed(0)
        texts.append(lm.generate_until(asked(*prompts), True))
    assert texts[0] == texts[1] == texts[2]
    assert texts[0][0] != texts[0][2]


def test_zoo_lm_answers_reach_cache_hook(lm: ZooLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm, "cache_hook", Mock())
    (answer,) = lm.loglikelihood(asked(("One", " two")), disable_tqdm=True)
    lm.loglikelihood_rolling(asked(("text",)), disable_tqdm=True)
    options = {"max_gen_toks": 2}
    (text,) = lm.generate_until(asked(("One", options)), disable_tqdm=True)
    assert [call.args for call in lm.cache_hook.add_partial.call_args_list] == [
        ("loglikelihood", ("One", " two"), answer),
        ("generate_until", ("One", options), text),
    ]


# How it is called


@pytest.mark.slow  # the evaluator takes ten seconds to import
def test_command_prints_json_or_table(
    lm: ZooLM,
    tasks: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """JSON, and the harness's table."""
    evaluate = Mock(return_value=lm_harness.evaluate(lm, tasks[:1], num_fewshot=1, limit=2))
    monkeypatch.setattr(lm_harness, "evaluate", evaluate)
    lm_harness.print_results("gpt2_nano", ["choose"], num_fewshot=1, limit=2, as_json=True)
    evaluate.assert_called_once_with("gpt2_nano", ["choose"], num_fewshot=1, limit=2)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["model"], printed["n-shot"]) == ("gpt2_nano", {"choose": 1})
    assert printed["results"]["choose"]["sample_len"] == 2
    lm_harness.print_results("gpt2_nano", ["choose"])
    table = [line.split("|") for line in capsys.readouterr().out.splitlines() if "acc" in line]
    assert float(table[0][7]) == printed["results"]["choose"]["acc,none"]


@pytest.mark.slow
def test_evaluate_maps_paper_columns_to_tasks(lm: ZooLM, monkeypatch: pytest.MonkeyPatch) -> None:
    simple = Mock()
    monkeypatch.setattr(lm_harness, "simple_evaluate", simple)
    lm_harness.evaluate(lm, list(lm_harness.TASKS))
    assert simple.call_args.kwargs["tasks"] == list(
        lm_harness.TASKS.values()
    )  # the harness has them all
    with pytest.raises(ValueError, match=r"no task is RACE-M: .* \(RACE-H\)"):
        lm_harness.evaluate(lm, ["RACE-M"])
    with pytest.raises(ValueError, match="Tasks not found: nonsense"):
        lm_harness.evaluate(lm, ["nonsense"])


def test_lm_eval_entry_point_is_zoo_lm() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    target = project["entry-points"]["lm_eval.models"]["zoo"]
    assert load_class(target) is get_model("zoo") is ZooLM


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_gen_toks": 256}, "max_gen_toks=256 leaves no room in the context of 256"),
        ({"num_beams": 2}, "do not generate by num_beams"),
    ],
)
def test_generate_until_bad_option_raises(lm: ZooLM, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.generate_until(asked(("a", options)), True)


def test_zoo_lm_bad_input_raises(lm: ZooLM) -> None:
    with pytest.raises(ValueError, match="300 tokens to be scored are more than a context of 256"):
        lm.loglikelihood(asked(("a", "b" * 300)), True)
    with pytest.raises(ValueError, match="resnet20 is no language model"):
        ZooLM("resnet20")
    with pytest.raises(ValueError, match="a number of sequences or auto, not 'many'"):
        ZooLM(lm.model, batch_size="many")
    assert ZooLM(lm.model, batch_size="auto:4").batch_size >= 1


def test_import_without_lm_eval_names_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.delitem(sys.modules, "zoo.evaluation.lm_harness")
    with pytest.raises(LookupError, match=r"install residual-zoo\[harness\]"):
        importlib.import_module("zoo.evaluation.lm_harness")


@pytest.mark.slow
def test_main_runs_lm_eval_with_zoo_model(tasks: list[str], tmp_path: Path) -> None:
    """python -m zoo.evaluation.lm_harness: lm_eval with the zoo in it."""
    save_safetensors(network().state_dict(), tmp_path / "nano.safetensors", {})
    env = {**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}

    command = [sys.executable, "-W", "error", "-m", "zoo.evaluation.lm_harness"]
    model = f"name=gpt2_nano,weights={tmp_path / 'nano.safetensors'}"
    options = ["run", "--model", "zoo", "--tasks", tasks[1], "--model_args", model]
    done = subprocess.run(
        [*command, *options], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (row,) = (x.split("|") for x in done.stdout.splitlines() if "byte_perplexity" in x)
    assert float(row[7]) == pytest.approx(math.exp(per_byte()), rel=1e-5)


@pytest.mark.slow
def test_main_with_network_that_is_no_language_model_exits_2(
    tasks: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", "zoo", "--tasks", tasks[1], "--model_args", "name=resnet20"]
    monkeypatch.setattr(sys, "argv", ["lm_eval", "run", *options])
    with pytest.raises(SystemExit) as end:
        lm_harness.main()
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: resnet20 is no language model")
