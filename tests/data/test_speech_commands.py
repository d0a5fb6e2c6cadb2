"""Speech Commands, as a benchmark and for training, on tones: splits and augmentation."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.optim import SGD

import zoo
from tests.support import tones
from tests.support.evaluation import evaluate
from tests.support.patching import replace_everywhere
from zoo import training
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.mfcc import MFCC
from zoo.data.speech_commands import CLASSES, SpeechCommands, read_wav, split_of
from zoo.evaluation import tasks
from zoo.evaluation.samples import UnreadableSampleError, read_sample
from zoo.models._factory import create
from zoo.models._registry import get_entry, list_weights, paper_of
from zoo.papers.protocols import MfccProtocol, to_record
from zoo.training import Recipe, steps
from zoo.training.keyword_spotting import KeywordSpotting, SpokenWords
from zoo.training.objective import Shard

SPEAKERS = 30
TEST = "speech_commands/test"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tones.write_tones(folder, SPEAKERS)
    return folder


@pytest.fixture(autouse=True)
def _sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    tones.benchmarks_of_tones(monkeypatch, SPEAKERS)


def opened(data: Path, split: str = "test") -> Any:
    return BENCHMARKS[f"speech_commands/{split}"].open(data)


@pytest.mark.parametrize("split", tones.SPLITS)
def test_open_split_has_its_speakers_and_class_shares(data: Path, split: str) -> None:
    samples = opened(data, split)
    commands = [label for _, label in samples.words if label != 1]
    assert {split_of(path.name) for path, _ in samples.words} == {split}
    assert Counter(commands) == dict.fromkeys(range(2, 12), len(commands) // 10)
    unknown = [path for path, label in samples.words if label == 1]
    assert len(unknown) == samples.silences == len(commands) // 10
    assert {path.parent.name for path in unknown} <= {"bed", "cat"}
    assert len(samples) == len(commands) + 2 * len(unknown)
    for path, label in samples.words:
        assert CLASSES[label] in (path.parent.name, "unknown")


def test_open_split_unknown_words_are_first_by_hash(data: Path) -> None:
    home = data / "speech_commands"
    for split in tones.SPLITS:
        samples = opened(data, split)
        unknown = [path for path, label in samples.words if label == 1]
        all_of = [p for word in ("bed", "cat") for p in (home / word).iterdir()]
        mine = [p for p in all_of if split_of(p.name) == split]
        mine.sort(key=lambda p: hashlib.sha1(str(p.relative_to(home)).encode()).digest())
        assert unknown == mine[: len(unknown)] != sorted(mine)[: len(unknown)]


def test_open_splits_share_no_file(data: Path) -> None:
    files = [path for split in tones.SPLITS for path, _ in opened(data, split).words]
    assert len(files) == len(set(files))


def test_speech_commands_word_is_padded_to_one_second(data: Path) -> None:
    samples = opened(data)
    for index in (0, 1, 2):
        path, label = samples.words[index]
        sound, actual_label = samples[index]
        raw = read_wav(path)
        assert (sound.shape, sound.dtype, actual_label) == ((16_000,), np.float32, label)
        assert np.array_equal(sound[: len(raw)], raw)
        assert not sound[len(raw) :].any()
        assert samples.where(index) == str(path)


def test_speech_commands_silence_depends_on_index(data: Path) -> None:
    samples = SpeechCommands([], opened(data).noises, 40)
    sounds = [samples[i][0] for i in range(40)]
    assert {samples[i][1] for i in range(40)} == {CLASSES.index("silence")}
    assert all(np.array_equal(sounds[i], samples[i][0]) for i in range(40))
    loudest = [float(np.abs(sound).max()) for sound in sounds]
    assert 0 < min(loudest) < 0.004  # of 0.3
    assert 0.027 < max(loudest) <= 0.03
    assert len({sound.tobytes() for sound in sounds}) == 40
    assert samples.where(3) == "silence 3"


def test_speech_commands_negative_index_raises(data: Path) -> None:
    samples = opened(data)
    assert len(list(samples)) == len(samples)
    with pytest.raises(IndexError, match="sample -1 of"):
        samples[-1]


def test_open_split_file_order_does_not_change_unknown_words(data: Path, tmp_path: Path) -> None:
    home = tmp_path / "speech_commands"
    home.mkdir()
    for path in sorted((data / "speech_commands").iterdir(), reverse=True):
        (home / path.name).symlink_to(path)
    actual, expected = ([p.parts[-2:] for p, _ in opened(d).words] for d in (tmp_path, data))
    assert actual == expected


def test_open_split_missing_data_raises(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="--data DIR or ZOO_DATA"):
        BENCHMARKS[TEST].open()
    with pytest.raises(DatasetNotFoundError, match=r"needs .*_background_noise_"):
        opened(tmp_path)
    with pytest.raises(DatasetNotFoundError, match=r"has 3,079 samples in version 0.01, .* holds"):
        replace(BENCHMARKS[TEST], size=3079).open(data)
    with pytest.raises(DatasetNotFoundError, match="there is no _background_noise_"):
        _ = SpeechCommands([], [], 1).background


@pytest.mark.parametrize(
    "fault", [{"rate": 8000}, {"channels": 2}, {"text": b"RIFF"}, {"text": b"no sound"}]
)
def test_read_sample_invalid_wav_raises_with_path(fault: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    tones.write_wav(path, np.zeros(100), **{k: v for k, v in fault.items() if k != "text"})
    if "text" in fault:
        path.write_bytes(fault["text"])
    with pytest.raises(UnreadableSampleError, match=r"a\.wav cannot be read"):
        read_sample(SpeechCommands([(path, 2)], [], 0), 0)


def test_evaluate_keywords_matches_manual_count(data: Path, tmp_path: Path) -> None:
    """One record by the script, and the same answers as by hand."""
    torch.manual_seed(0)
    model = create("kws_res8_narrow").eval()
    file = tmp_path / "a.safetensors"
    save_file(model.state_dict(), file)
    options = ("--model", "kws_res8_narrow", "--benchmark", TEST, "--data", data)
    record = evaluate(file, *options, "--batch-size", "5")
    samples, mfcc = opened(data), MFCC(MfccProtocol())
    with torch.inference_mode():
        features = torch.stack([mfcc(torch.from_numpy(sound)) for sound, _ in samples])
        predictions = model(features).argmax(1)
    wrong = int((predictions != torch.tensor([label for _, label in samples])).sum())
    error = record["scores"]["error"]
    assert (error["count"], error["total"]) == (wrong, len(samples))
    low, high = error["interval"]
    assert low < error["value"] < high
    assert record["protocol"] == to_record(MfccProtocol())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resnet20", "--benchmark", TEST], "resnet20 is not for keyword-spotting"),
        (["kws_res8", "--benchmark", "digits/test"], "kws_res8 is not for image-classification"),
        (["a.safetensors", "--benchmark", TEST], "no file at a.safetensors"),
    ],
)
def test_evaluate_keywords_other_task_is_rejected(
    data: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        evaluate(*arguments, "--data", data)


def test_check_kws_resnet_reports_missing_weights_or_data(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(**options: Any) -> dict[str, Any]:
        return {v.model: v for v in zoo.check("kws_resnet", **options) if v.kind == "measured"}

    verdicts = measured(data=data)
    assert verdicts["kws_res15"].why == "no weights for these networks"
    assert verdicts["kws_res8_narrow"].status == "not run"
    assert "`zoo pull kws_res8_narrow.honkling` downloads it" in verdicts["kws_res8_narrow"].why
    replace_everywhere(monkeypatch, "zoo.claims.matching.why_unavailable", lambda weights: None)
    why = f"{TEST} needs a folder of data (--data DIR or ZOO_DATA)"
    assert measured()["kws_res8_narrow"].why == why


def test_keyword_task_describes_usage_and_protocol() -> None:
    task = tasks.task_of("kws_res15")
    (weights,) = list_weights("kws_res8_narrow")
    compile(task.usage(weights), "usage", "exec")
    assert "101 frames of 40" in " ".join(task.preprocessing(get_entry("kws_res15").cfg))
    assert task.from_record(json.loads(json.dumps(to_record(MfccProtocol())))) == MfccProtocol()
    assert task.from_claim(paper_of(get_entry("kws_res15")), "commands12") == MfccProtocol()


# The objective


def examples(data: Path, batch_size: int = 8, **options: Any) -> SpokenWords:
    return KeywordSpotting(**options).load("speech_commands/train", batch_size, {}, data)


def test_batches_epoch_has_each_word_once(data: Path) -> None:
    words = examples(data)
    assert words.steps == len(opened(data, "train")) // 8
    labels = torch.cat([y for _, y in words.batches(torch.Generator().manual_seed(0))])
    assert len(labels) == 8 * words.steps
    available = Counter(words.labels.tolist())
    assert all(0 <= available[k] - n < 8 for k, n in Counter(labels.tolist()).items())


def test_batches_same_seed_gives_same_sounds(data: Path) -> None:
    words = examples(data)
    one = list(words.batches(torch.Generator().manual_seed(1)))
    later = list(words.batches(torch.Generator().manual_seed(1), start=2))
    mine = list(words.batches(torch.Generator().manual_seed(1), shard=Shard(1, 2)))
    assert one[0][0].shape == (8, 1, 101, 40)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one[2:], later, strict=True))
    assert all(torch.equal(a[0][1::2], b[0]) for a, b in zip(one, mine, strict=True))
    other = next(iter(words.batches(torch.Generator().manual_seed(2))))
    assert not torch.equal(one[0][0], other[0])


def test_mixed_shift_is_at_most_100_ms(data: Path) -> None:
    words = examples(data, noise=0.0)
    click = torch.zeros(400, 16_000, dtype=torch.int16)
    click[:, 8000] = 16_384
    labels = torch.full((400,), 2)
    mixed = words.augment(click, labels, torch.Generator().manual_seed(0))
    at = mixed.argmax(1) - 8000
    assert (mixed.max(1).values == 0.5).all()
    assert int(at.min()) < -1500
    assert int(at.max()) > 1500
    assert int(at.abs().max()) <= 1600
    ends = click.clone()
    ends[:, [0, -1]] = 16_384
    assert (words.augment(ends, labels, torch.Generator().manual_seed(0)) > 0).sum(1).max() <= 2


def test_mixed_adds_noise_to_80_percent_and_all_silence(data: Path) -> None:
    words, draw = examples(data, shift=0), torch.Generator().manual_seed(0)
    nothing = torch.zeros(500, 16_000, dtype=torch.int16)
    loud = words.augment(nothing, torch.full((500,), 2), draw).abs().amax(1)
    assert 0.75 < float((loud > 0).float().mean()) < 0.85
    assert 0.025 < float(loud.max()) <= 0.03
    silent = words.augment(nothing[:50], torch.zeros(50, dtype=torch.long), draw).abs().amax(1)
    assert (silent > 0).all()
    full = torch.full((50, 16_000), 32_767, dtype=torch.int16)
    assert words.augment(full, torch.full((50,), 2), draw).max() == 1


def test_keyword_objective_loss_and_errors_match_formula() -> None:
    output = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    target = torch.tensor([0, 0])
    assert KeywordSpotting().metric_sum(output, target) == 100
    expected = torch.nn.functional.cross_entropy(output, target)
    assert torch.equal(KeywordSpotting().loss(output, target), expected)


def test_train_on_tones_lowers_loss_and_error(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        name="tones",
        model="kws_res8_narrow",
        dataset="speech_commands/train",
        objective=KeywordSpotting(),
        epochs=2,
        batch_size=32,
        lr=0.1,
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-5),
        schedule=steps(0.9),
        source="a test",
    )
    run = training.train(recipe, seed=0, out=tmp_path / "run", data=data, quiet=True)
    first, last = run.history[0], run.history[-1]
    assert last["loss"] < first["loss"]
    assert last["error"] < first["error"]
