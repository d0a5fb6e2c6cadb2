"""Comparisons judged by training runs: which runs count, how many, and what they decide."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from eval.degradation import BATCH_SIZE
from zoo.claims.matching import get_paper
from zoo.claims.runs import judge_comparisons
from zoo.claims.verdict import Evidence, Reason, Status, Tally, Verdict, describe_claim
from zoo.papers.records import Claim, Paper, TrainingProtocol

PROTOCOL = TrainingProtocol(protocol="small", recipe="zoo_small", epochs=3, batch_size=8)
TRIAL = Claim(
    kind="trial",
    model="plain56",
    than="plain20",
    metric="training_error",
    relation=">",
    benchmark="digits/train",
    protocol="small",
    where="Sec. 4.2",
    paper="resnet",
)
REPRODUCTION = replace(TRIAL, kind="relative")


def paper_with(*claims: Claim) -> Paper:
    return replace(get_paper("resnet"), claims=claims, training=(PROTOCOL,))


def run(model: str, seed: int, value: float, **changes: Any) -> dict[str, Any]:
    score = {"value": value, "count": value, "total": 100}
    record = {
        "kind": "training",
        "date": f"2026-11-{seed + 1:02}T00:00:00Z",
        "id": f"{model}-{seed}",
        "recipe": f"{model}.zoo_small",
        "model": model,
        "seed": seed,
        "epochs": 3,
        "batch_size": 8,
        "precision": "fp32",
        "commit": "a" * 40,
        "benchmarks": {"digits/train": {"version": 1, "scores": {"error": score}}},
    }
    return record | changes


def runs(left: Sequence[float], right: Sequence[float], **changes: Any) -> list[dict[str, Any]]:
    return [
        run(model, seed, value, **changes)
        for model, values in (("plain56", left), ("plain20", right))
        for seed, value in enumerate(values)
    ]


def judge(claim: Claim, published: Sequence[Any], own: Sequence[Any] = ()) -> Verdict:
    return judge_comparisons(paper_with(claim), published, own)[claim.key]


WORSE = ([30, 28, 31, 29, 33], [1, 0, 2, 1, 3])
CLOSE = ([3, 0, 2, 1, 2], [1, 2, 1, 2, 1])


@pytest.mark.parametrize(
    ("left", "right", "relation", "trial", "reproduction"),
    [
        (*WORSE, ">", Status.SUPPORTS, Status.REPRODUCED),
        (*WORSE, "<", Status.CONTRADICTS, Status.NOT_REPRODUCED),
        (*WORSE[::-1], ">", Status.CONTRADICTS, Status.NOT_REPRODUCED),
        (*CLOSE, ">", Status.INCONCLUSIVE, Status.INCONCLUSIVE),
        (WORSE[0][:4], WORSE[1], ">", Status.INCONCLUSIVE, Status.INCONCLUSIVE),
        ([30], [1], ">", Status.INCONCLUSIVE, Status.INCONCLUSIVE),
        ([], WORSE[1], ">", Status.NOT_RUN, Status.NOT_RUN),
    ],
)
def test_five_seeds_decide_in_the_words_of_trials_and_of_reproductions(
    left: list[float], right: list[float], relation: Any, trial: Status, reproduction: Status
) -> None:
    records = runs(left, right)
    tried = judge(replace(TRIAL, relation=relation), records)
    assert (tried.status, tried.tally, tried.evidence) == (trial, Tally.TRIAL, None)
    repeated = judge(replace(REPRODUCTION, relation=relation), records)
    assert (repeated.status, repeated.tally) == (reproduction, Tally.REPRODUCTION)
    assert not tried.fails  # a trial of ours is no failure of a paper


def test_verdict_shows_recipe_records_statistics_and_what_else_they_decide() -> None:
    test_error = replace(TRIAL, metric="error", relation="<")
    paper = paper_with(TRIAL, test_error)
    first = judge_comparisons(paper, runs(*WORSE))[TRIAL.key]
    assert first.measured.startswith("30.20 against 1.40 %, difference +28.80 [+27.76, +29.84]")
    assert "5 seeds, p = " in first.measured
    assert "after Holm's correction over 2, 0.062 by all signs" in first.measured
    assert first.why == (
        "published runs by zoo_small (3 epochs, batches of 8, fp32); "
        "these runs decide 1 other row too"
    )
    assert set(first.records) == {r["id"] for r in runs(*WORSE)}
    assert first.date == "2026-11-05T00:00:00Z"


def test_verdict_of_networks_that_are_solved_for_names_no_epochs() -> None:
    paper = replace(paper_with(TRIAL), training=(replace(PROTOCOL, epochs=0, batch_size=0),))
    verdict = judge_comparisons(paper, runs(*WORSE, epochs=0, batch_size=0))[TRIAL.key]
    assert verdict.why == "published runs by zoo_small (fp32)"


def test_holms_correction_over_a_papers_comparisons_can_leave_one_open() -> None:
    """p is 0.03 for one comparison, 0.06 for one of two."""
    records = runs([6, 1, 5, 3, 9], [1, 0, 2, 1, 1])
    assert judge(TRIAL, records).status == Status.SUPPORTS
    both = paper_with(TRIAL, replace(TRIAL, metric="error"))
    verdicts = judge_comparisons(both, records)
    assert {verdict.status for verdict in verdicts.values()} == {Status.INCONCLUSIVE}


def test_comparison_with_too_few_seeds_counts_in_the_correction() -> None:
    """Else the first trial to be finished would be judged as if it were the only one."""
    few = replace(TRIAL, metric="loss", benchmark="digits/test")
    score = {"digits/test": {"version": 1, "scores": {"loss": {"value": 1.0}}}}
    records = [*runs([6, 1, 5, 3, 9], [1, 0, 2, 1, 1]), *runs([1], [1], benchmarks=score)]
    records = [r | {"seed": r["seed"] + 90} if r["benchmarks"] is score else r for r in records]
    verdict = judge_comparisons(paper_with(TRIAL, few), records)[TRIAL.key]
    assert verdict.status == Status.INCONCLUSIVE
    assert "Holm's correction over 2" in verdict.measured


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 1},
        {"batch_size": 4},
        {"precision": "bf16"},
        {"recipe": "plain56.my_own"},
        {"commit": ""},
        {"commit": "a" * 40 + "+changes"},
        {"benchmarks": {"digits/train": {"version": 0, "scores": {"error": {"value": 99.0}}}}},
        {"kind": "evaluation"},
    ],
)
def test_run_that_departs_from_the_protocol_decides_nothing(changes: dict[str, Any]) -> None:
    verdict = judge(TRIAL, [{**r, **changes} for r in runs(*WORSE)])
    assert (verdict.status, verdict.reason) == (Status.NOT_RUN, Reason.NO_RUNS)


def test_invented_runs_of_ones_own_recipe_decide_no_table_of_a_paper() -> None:
    """Two one-epoch runs of a recipe of one's own once made this "kept"."""
    paper = get_paper("wrn")
    invented = [
        run(model, seed, error, recipe=f"{model}.my_one_epoch_smoke", epochs=1)
        | {"benchmarks": {"cifar10/test": {"version": 1, "scores": {"error": {"value": error}}}}}
        for seed in range(5)
        for model, error in (("wrn28_10", 70.0 + seed), ("wrn22_10", 80.0 + 1.1 * seed))
    ]
    verdicts = judge_comparisons(paper, [], invented)
    assert {v.status for v in verdicts.values()} == {Status.NOT_RUN}


def test_own_runs_neither_replace_published_ones_nor_join_them() -> None:
    published, own = runs(*WORSE), runs(*WORSE[::-1], id="own")
    verdict = judge(TRIAL, published, own)
    assert verdict.status == Status.SUPPORTS
    assert "own" not in verdict.records
    assert "5 of your own left out" in verdict.why
    few = judge(TRIAL, runs(WORSE[0][:3], WORSE[1][:3]), own)
    assert few.status == Status.INCONCLUSIVE
    assert len(few.records) == 6
    alone = judge(TRIAL, [], own)
    assert alone.status == Status.CONTRADICTS
    assert alone.why.startswith("own runs by zoo_small")


def test_first_run_of_a_seed_counts() -> None:
    again = [r | {"id": f"again-{r['id']}"} for r in runs(*WORSE[::-1])]
    assert judge(TRIAL, [*runs(*WORSE), *again]).status == Status.SUPPORTS


def test_seeds_without_a_partner_are_left_out() -> None:
    unpaired = [r | {"seed": r["seed"] + 9} if r["model"] == "plain20" else r for r in runs(*WORSE)]
    assert judge(TRIAL, unpaired).reason == Reason.NO_RUNS


@pytest.mark.parametrize(
    ("value", "trial", "reproduction"),
    [
        ("90", Status.INCONCLUSIVE, Status.NOT_REPRODUCED),
        ("29", Status.SUPPORTS, Status.REPRODUCED),
    ],
)
def test_printed_difference_is_judged_too(value: str, trial: Status, reproduction: Status) -> None:
    by = replace(TRIAL, value=Decimal(value))
    assert judge(by, runs(*WORSE)).status == trial
    verdict = judge(replace(by, kind="relative"), runs(*WORSE))
    assert (verdict.status, verdict.evidence) == (reproduction, Evidence.TRAINED_HERE)
    assert ("not the printed size" in verdict.why) == (value == "90")


def test_claim_on_other_arguments_or_an_unbuilt_variation_is_not_run() -> None:
    assert judge(replace(TRIAL, args={"shortcut": "B"}), runs(*WORSE)).reason == Reason.NO_RUNS
    variant = replace(TRIAL, variant="on a phone", variant_kind="another system")
    assert judge(variant, runs(*WORSE)).reason == Reason.ANOTHER_SYSTEM


def test_accuracy_is_the_rest_of_the_recorded_error() -> None:
    verdict = judge(replace(TRIAL, metric="accuracy", relation="<"), runs(*WORSE))
    assert verdict.measured.startswith("69.80 against 98.60 %")
    assert verdict.status == "supports"


def test_describe_claim_ratio_and_difference_read_as_printed() -> None:
    speed = replace(TRIAL, metric="tokens/s", value=Decimal("89.8"), relation="<")
    assert describe_claim(speed)[2] == "89.8 % of plain20"
    accuracy = replace(TRIAL, metric="accuracy", value=Decimal("0.9"))
    assert describe_claim(accuracy)[2] == "> plain20 by 0.9"


def test_every_training_protocol_is_that_of_the_recipes_in_configs(
    all_recipes: list[Any], papers: Sequence[Paper]
) -> None:
    for paper in papers:
        compared = {m for c in paper.claims if c.compares for m in (c.model, c.than)}
        for protocol in paper.training:
            measured = {c.model for c in paper.claims if c.protocol == protocol.protocol}
            judged = compared | measured if protocol.seeds else compared
            same = [
                r
                for r in all_recipes
                if r.name.partition(".")[2] == protocol.recipe and r.model in judged
            ]
            assert same, (paper.id, protocol)
            for recipe in same if protocol.epochs else []:
                precision = "fp32" if recipe.precision == "no" else recipe.precision
                batch = BATCH_SIZE if protocol.recipe == "zoo_digits" else recipe.batch_size
                settings = (recipe.epochs, batch, precision)
                expected = (protocol.epochs, protocol.batch_size, protocol.precision)
                assert settings == expected, recipe.name


@pytest.fixture(scope="module")
def papers() -> Sequence[Paper]:
    from zoo.papers.loading import load_papers

    return load_papers()


@pytest.fixture(scope="module")
def all_recipes() -> list[Any]:
    import pkgutil
    from importlib import import_module
    from itertools import chain

    import configs
    from configs import reservoirs, tabular
    from zoo.training import Recipe

    modules = [import_module(f"configs.{m.name}") for m in pkgutil.iter_modules(configs.__path__)]
    recipes = [v for module in modules for v in vars(module).values() if isinstance(v, Recipe)]
    return [*recipes, *chain(*tabular.RECIPES.values()), *reservoirs.RECIPES.values()]
