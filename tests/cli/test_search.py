"""`zoo search`, `zoo compare` and `zoo leaderboard`: what they find, rank and set side by side."""

import json
import re
from typing import Any

import pytest

import zoo
from tests.support.cli import run_cli
from zoo.models._registry import list_weights


def result(*arguments: str) -> Any:
    done = run_cli(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_search_small_cifar_weights_for_a_product() -> None:
    options = ("--dataset", "cifar10", "--license", "permissive", "--max-params", "1M")
    rows = result("search", *options)
    assert rows
    for row in rows:
        assert row["params"] <= 1_000_000
        for weights in row["weights"]:
            assert weights["license"] in ("apache-2.0", "bsd-2-clause", "bsd-3-clause", "mit")
            assert any(name.startswith("cifar10/") for name in weights["benchmarks"])
    assert "resnet20" in run_cli("search", *options).out


def test_search_words_are_in_names_titles_and_authors() -> None:
    names = [match.description.name for match in zoo.search("zagoruyko wide")]
    assert set(names) == {*zoo.list_models(paper="wrn")}
    assert zoo.search("resnet20")[0].description.name == "resnet20"
    assert zoo.search("super-resolution", task="image-classification") == []


@pytest.mark.parametrize("printed", ["WRN-28-10", "wrn 28_10", "Wide WRN-28/10"])
def test_search_takes_a_name_as_papers_print_it(printed: str) -> None:
    assert [match.description.name for match in zoo.search(printed)] == ["wrn28_10"]


def test_list_of_weights_for_a_data_set_has_those_alone_with_their_license() -> None:
    rows = result("list", "--pretrained", "--dataset", "cifar10")
    weights = {w.name: w for name in zoo.list_models() for w in list_weights(name)}
    assert {row["name"] for row in rows} == {
        name
        for name, each in weights.items()
        if any(benchmark.startswith("cifar10/") for benchmark in each.benchmarks)
    }
    assert all(row["license"] == weights[row["name"]].license for row in rows)
    head, *lines = run_cli("list", "--pretrained", "resnet20").out.splitlines()
    assert head.split()[-1] == "license"
    assert any(re.fullmatch(r"resnet20\.zoo_digits .* apache-2\.0", line) for line in lines)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"min_params": 36_000_000, "max_params": 37_000_000}, ["wrn28_10"]),
        ({"max_macs": 30_000_000}, ["wrn16_1"]),
    ],
)
def test_search_counts_bound_both_ways(options: dict[str, int], expected: list[str]) -> None:
    found = [m.description.name for m in zoo.search("wrn", paper="wrn", **options)]  # type: ignore[arg-type]
    assert found == expected


def test_search_has_weights_leaves_out_the_others() -> None:
    names = {m.description.name for m in zoo.search(paper="wrn", has_weights=True)}
    assert names == {name for name in zoo.list_models(paper="wrn") if list_weights(name)}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("search", "resnte"), "no model is called 'resnte'; the nearest are resnet"),
        (("search", "wrn", "--max-params", "1"), "no model matches all of these options"),
        (("search", "wrn", "--max-params", "few"), "a count is a number with K, M or G"),
        (("search", "--task", "sleeping"), "no task is called 'sleeping'"),
        (("search", "--dataset", "cifar"), "no data set is called 'cifar'; the nearest are cifar1"),
        (("search", "--license", "gpl"), "no license is called 'gpl'; the nearest are "),
        (("compare", "wrn", "resnet20"), "wrn is a paper and resnet20 is none"),
        (("compare", "resnet20", "resnt"), "no model is called 'resnt'"),
        (("leaderboard", "digits/tset"), "digits/test"),
        (("leaderboard", "digits/test", "--metric", "psnr"), "no number on digits/test is in psnr"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    done = run_cli(*arguments)
    assert (done.code, done.out) == (2, "")
    assert says in " ".join(done.err.split())


def cells(rows: list[dict[str, str]], section: str) -> dict[str, tuple[str, str]]:
    """The first row of each thing in a section: {what: (left, right)}."""
    chosen = [row for row in rows if row["section"] == section]
    return {row["what"]: (row["left"], row["right"]) for row in chosen[::-1]}


def test_compare_models_sets_counts_claims_and_scores_side_by_side() -> None:
    rows = result("compare", "resnet20", "wrn28_10")["rows"]
    assert cells(rows, "counts")["parameters"] == ("269,722", "36,479,194")
    left, right = cells(rows, "claims")["error on cifar10/test"]
    assert left == "8.75 % (resnet, Table 6)"
    assert right == "4.17 % (wrn, Table 4)"
    assert "resnet20.zoo_digits" in cells(rows, "measured")["error on digits/test"][0]


@pytest.mark.slow
def test_compare_papers_gives_the_best_printed_number_of_each_benchmark() -> None:
    rows = result("compare", "wrn", "1610.02915")["rows"]
    best = cells(rows, "claims")["error on cifar10/test"]
    for paper, cell in zip(("wrn", "pyramidnet"), best, strict=True):
        claims = zoo.list_claims(paper=paper, kind="measured", benchmark="cifar10/test")
        printed = min(c.value for c in claims if c.metric == "error" and not c.variant and c.value)
        assert cell.startswith(f"{printed} % (")
    assert cells(rows, "papers")["models"][0] == str(len(zoo.list_models(paper="wrn")))


@pytest.mark.slow
def test_compare_outputs_of_same_weights_differ_by_nothing() -> None:
    twice = ("resnet20.zoo_digits", "resnet20.zoo_digits", "--outputs")
    outputs = cells(result("compare", *twice)["rows"], "outputs")
    assert outputs["tensors"] == ("116, 116 of them equal", "116")
    assert outputs["difference, random input"][0] == "0 apart at most"
    other = run_cli("compare", "resnet20.zoo_digits", "gpt2_nano.zoo_peps", "--outputs")
    assert "gpt2_nano.zoo_peps does not take the input of resnet20.zoo_digits" in other.err


def test_leaderboard_is_sorted_and_keeps_measured_and_printed_apart() -> None:
    board = result("leaderboard", "set5/bi_x2")
    assert (board["metric"], board["unit"]) == ("psnr", " dB")
    for key in ("measured", "printed"):
        values = [float(row["value"]) for row in board[key]]
        assert values == sorted(values, reverse=True)
    assert all(row["record"] for row in board["measured"])
    assert {row["where"] for row in board["printed"] if row["model"] == "rcan_x2"} == {"Table 2"}
    errors = result("leaderboard", "imagenet/val")
    values = [float(row["value"]) for row in errors["printed"]]
    assert errors["metric"] == "error"
    assert values == sorted(values)
    shown = run_cli("leaderboard", "imagenet/val", "--limit", "2").out
    assert f"printed in papers: {len(values)}, the best 2" in shown
