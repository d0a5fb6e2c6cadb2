"""Model cards: the same bytes from the same data, valid for the Hub, safe from what texts hold."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from skimage.data import chelsea

from tests.conftest import ROOT
from tests.support.patching import replace_everywhere
from zoo.data.benchmarks import Benchmark
from zoo.evaluation.spec import EvalSpec
from zoo.papers.loading import load_papers
from zoo.papers.weights import RELATIONS, Weights
from zoo.reporting import cards
from zoo.reporting.cards import markdown, results, training_runs

KNOWN = {w.name: w for paper in load_papers() for w in paper.weights}
BUNDLED = sorted(w.name for w in KNOWN.values() if w.bundled)
FOLDER = ROOT / "model_cards"
BY_HAND = f"{cards.BEGIN}\n{cards.END}"


def one_of_each_kind() -> dict[str, Weights]:
    """Bundled weights, and the first of each paper, relation and way to publish."""
    kinds: dict[object, Weights] = {"on the Hub": KNOWN["resnet50.tv_in1k"]}
    for weights in KNOWN.values():
        kind = (weights.paper, weights.relation, bool(weights.url))
        kinds.setdefault(weights.name if weights.bundled else kind, weights)
    return {weights.name: weights for weights in kinds.values()}


@pytest.fixture(scope="module", params=["kinds", pytest.param("all", marks=pytest.mark.slow)])
def rows(request: pytest.FixtureRequest) -> dict[str, list[cards.Row]]:
    chosen = KNOWN if request.param == "all" else one_of_each_kind()
    return {name: cards.rows(weights) for name, weights in chosen.items()}


@pytest.fixture(scope="module")
def texts(rows: dict[str, list[cards.Row]]) -> dict[str, str]:
    """Cards as they are now."""
    return {name: cards.card(KNOWN[name], of_name, "..") for name, of_name in rows.items()}


def data(text: str) -> ModelCardData:
    return ModelCard(text).data


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a card, their header first, as GFM cuts them into cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    split = re.compile(r"(?<!\\)\|")
    return [
        [[cell.strip() for cell in split.split(line)[1:-1]] for line in block.splitlines()]
        for block in blocks
    ]


# What is in the checkout


def test_card_every_committed_file_is_current(texts: dict[str, str]) -> None:
    runs = {
        of.name for of in training_runs.kinds()
    }  # see tests/reporting/test_cards_training_runs.py
    assert {path.stem for path in FOLDER.glob("*")} == set(KNOWN) | runs, "run `zoo card --all`"
    for name, text in texts.items():
        old = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        assert cards.merge(text, old) == old, f"run `zoo card {name}`"


def test_card_needs_no_evaluation_and_no_data(
    monkeypatch: pytest.MonkeyPatch, texts: dict[str, str], tmp_path: Path
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a card is made of records")

    replace_everywhere(monkeypatch, "zoo.claims.matching.why_unavailable", fail)
    monkeypatch.setattr(EvalSpec, "build_evaluator", fail)
    monkeypatch.setattr(Benchmark, "open", fail)
    replace_everywhere(monkeypatch, "zoo.models._factory.create", fail)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    for name in (*BUNDLED, "carn_m.official", "resnet50.tv_in1k"):
        weights = KNOWN[name]
        assert cards.card(weights, cards.rows(weights), "..") == texts[name]


def test_card_front_matter_round_trips_through_hub(
    texts: dict[str, str], rows: dict[str, list[cards.Row]]
) -> None:
    for name, text in texts.items():
        found = data(text)
        again = ModelCardData(**found.to_dict())
        assert again.to_dict() == found.to_dict() == yaml.safe_load(text.split("---\n")[1])
        assert data(str(ModelCard(text))).to_dict() == found.to_dict()
        scores = [row.score for row in rows[name] if row.score]
        shown = [(r.dataset_name, r.metric_type, r.metric_value) for r in found.eval_results or []]
        assert shown == [(s.result.benchmark, s.metric, s.value) for s in scores]


# What a card says


def test_card_shows_every_claim_as_printed(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        lines = [row for table in tables(text) if "paper" in table[0] for row in table]
        place = {"where": 1, "paper": 2}
        for claim in (c for p in load_papers() for c in p.claims):
            if claim.model != KNOWN[name].model or claim.value is None:
                continue
            fits = [row for row in lines if claim.metric in row[0]]
            where = markdown.inline(claim.place)
            values = [row[place["paper"]] for row in fits if row[place["where"]].endswith(where)]
            number = rf"(?<![\d.]){re.escape(str(claim.value))}(?![\d.])"
            assert any(re.search(number, value) for value in values), (name, claim)


def test_card_contains_every_explanation(
    texts: dict[str, str], rows: dict[str, list[cards.Row]]
) -> None:
    for name, of in rows.items():
        for record in {row.verdict.explained_by for row in of} - {""}:
            assert f"**{record}**" in texts[name], (name, record)


def test_rows_skipped_claims_have_no_measured_value(rows: dict[str, list[cards.Row]]) -> None:
    found = [row.verdict for of in rows.values() for row in of if row.claim]
    assert {v.status for v in found} >= {"reproduced", "not reproduced", "inconclusive", "not run"}
    for verdict in found:
        assert bool(verdict.measured) == (verdict.status != "not run")
        assert verdict.status != "not run" or verdict.why


def test_card_source_scores_have_their_own_column(texts: dict[str, str]) -> None:
    rows = [row for table in tables(texts["rdnet_tiny.nv_in1k"]) for row in table]
    first, full = [
        r for r in rows if r[0] == "accuracy on imagenet/val" and r[1].startswith("Tables 1")
    ]
    assert first[2:5] == ["82.8 %", "82.814 %", "not measured"]
    assert full[2].startswith("82.8 %")
    assert full[3] == "82.814 % (rdnet_tiny.nv_in1k)"


def test_card_tables_are_rectangular_and_links_resolve(texts: dict[str, str]) -> None:
    for text in texts.values():
        for table in tables(text):
            assert len({len(row) for row in table}) == 1
        for target in re.findall(r"\]\((\.\..*?)\)", text):
            assert (FOLDER / target).is_file()


def test_card_bundled_weights_state_unrecorded_time_and_energy(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        assert ("Time: not recorded. Energy: not measured." in text) == (name in BUNDLED)


def test_card_training_time_comes_from_record(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = KNOWN["gpt2_nano.zoo_peps"]
    record = results.verified_training_record(weights) | {"seconds": 1234.4}
    monkeypatch.setattr(results, "verified_training_record", lambda weights: record)
    assert "Time: 1,234 s. Energy: not measured." in cards.card(weights, [])


def test_wording_every_provenance_has_a_unique_sentence() -> None:
    assert set(markdown.RELATION) == set(RELATIONS)
    assert len(set(markdown.RELATION.values())) == len(RELATIONS)


@pytest.mark.parametrize(
    "name", ["resnet20.zoo_digits", "rcan_tiny_x2.zoo_photos", "gpt2_nano.zoo_peps"]
)
def test_card_python_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: dict[str, str]
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(chelsea()[:48, :64]).save("photo.jpg")
    (code,) = re.findall(r"```python\n(.*?)```", texts[name], re.DOTALL)
    exec(code.replace("max_new_tokens=40", "max_new_tokens=3"), {})
    if (tmp_path / "large.png").exists():
        with Image.open("large.png") as large:
            assert large.size == (128, 96)


# What a person writes


def test_merge_preserves_handwritten_section(texts: dict[str, str]) -> None:
    new = texts["resnet20.zoo_digits"]
    note = f"{cards.BEGIN}\nWorks on \\1 my | desk.\n\n## Mine\n{cards.END}"
    old = new.replace(BY_HAND, note).replace("269,722", "1")
    assert cards.merge(new, old) == new.replace(BY_HAND, note)
    assert cards.merge(new, old.replace("\n", "\r\n")) == new.replace(BY_HAND, note)
    assert cards.merge(new, "") == cards.merge(new, "# an older card\n") == new
    with pytest.raises(ValueError, match="needs both lines"):
        cards.merge(new, old.replace(cards.END, ""))


def test_write_existing_card_preserves_handwritten_section(
    tmp_path: Path, texts: dict[str, str]
) -> None:
    (path,) = cards.write(["resnet20.zoo_digits"], tmp_path / "new")
    assert path.read_text() == texts["resnet20.zoo_digits"]
    mine = path.read_text().replace(BY_HAND, f"{cards.BEGIN}\nmine\n{cards.END}")
    path.write_text(mine)
    cards.write(["resnet20.zoo_digits"], tmp_path / "new")
    assert path.read_text() == mine
    path.write_text(mine.replace(cards.END, ""))
    with pytest.raises(ValueError, match=r"resnet20.zoo_digits.md: the older card"):
        cards.write(["resnet20.zoo_digits"], tmp_path / "new")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["resnet20.zoo_digits.md"]


# Names


def test_match_names_resolves_names_and_patterns() -> None:
    assert [w.name for w in cards.match_names(["resnet20"])] == ["resnet20.akamaster_cifar10"]
    assert len(cards.match_names(["*"])) == len(KNOWN) + len(training_runs.kinds())
    assert {w.name for w in cards.match_names(["resnet50*", "resnet50"])} >= {"resnet50.tv_in1k"}
    assert [w.name for w in cards.match_names(["zoo_digits*"])] == [
        "zoo_digits",
        "zoo_digits16",
        "zoo_digits_mae",
    ]
    assert [w.name for w in cards.match_names(["*.official"])] == ["carn_m.official"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["resnt20"], "resnet20"),
        (["resnet20.nothing"], "zoo_digits"),
        (["zzz*"], "zzz*"),
        (["wrn28_12"], "no weights"),
        ([], "--all"),
        (["resnet20", "--all"], "--all"),
    ],
    ids=str,
)
def test_card_command_bad_arguments_exit_2_with_one_line(
    args: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zoo import cli

    monkeypatch.setattr(sys, "argv", ["zoo", "card", *args, "--out", "no/such"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("zoo: ")
    assert says in said
    assert len(said.splitlines()) == 1
    assert not Path("no/such").exists()


def test_card_command_writes_current_card(tmp_path: Path, texts: dict[str, str]) -> None:
    command = [sys.executable, "-m", "zoo.cli", "card", "wrn16_1", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/wrn16_1.zoo_digits.md\n"
    assert (tmp_path / "wrn16_1.zoo_digits.md").read_text() == texts["wrn16_1.zoo_digits"]
