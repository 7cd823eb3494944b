"""The benchmark's two sides train the same thing, and its arithmetic is right. Nothing here is about time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer

import rlflood
from benchmarks import ablation, batch_cost, images, presets, speed
from benchmarks.measure import alternate, gflop_per_epoch, paired_interval, spread
from benchmarks.plain import PlainFloodEnv
from rlflood.agents import load_preset, preset_names
from rlflood.control import Controller
from rlflood.control.shipped import controller_file
from rlflood.envs import FloodVectorEnv
from rlflood.errors import InputError
from rlflood.schedulers import PolicyScheduler
from rlflood.training import PopulationTrainer, Task
from rlflood.training.images.convolutional import small_cnn
from rlflood.training.trainer import MOMENTS

TINY = speed.Case("tiny", Task(hidden=(16,), label_noise=0.1, test_size=200, epochs=40), (2, 3), 1.0, seeds=4)


def test_both_sides_see_the_same_data() -> None:
    plain = PlainFloodEnv(TINY.task)
    plain.reset(seed=5)
    stacked = FloodVectorEnv(1, **dict(TINY.task))
    stacked.reset(seed=5)
    splits = stacked._stacks[0].episode.trainer.splits[0]
    assert np.array_equal(plain.train[0].numpy(), splits.train.x)
    assert np.array_equal(plain.val[1].numpy(), splits.val.y)
    assert np.array_equal(plain.test[2].numpy(), splits.test.y_clean)


def test_the_plain_side_averages_all_steps_since_its_loss_was_below_the_level() -> None:
    # in full batches: a step of the optimizer an epoch
    plain = PlainFloodEnv(TINY.task.model_copy(update={"learning_rate": 0.01}), average=True)
    plain.reset(seed=5)
    weights = []
    for _ in range(TINY.task.epochs):
        before = plain.walking
        plain.step(np.int64(50))
        if before:
            weights.append(plain.model[0].weight.detach().clone())
    assert 1 < len(weights) < TINY.task.epochs
    assert torch.allclose(plain.average.module[0].weight, torch.stack(weights).mean(0), atol=1e-6)


def test_both_sides_end_with_the_same_accuracy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "CASES", (TINY,))
    file = tmp_path / "speed.json"
    # on the clock of this process four children less have to be started, each of which takes seconds
    speed.main(json_file=file, blocks=1, seconds=0.0, cpu_time=True)
    (case,) = json.loads(file.read_text())["cases"]
    low, high = case["accuracy_difference"][1:]
    assert low <= high
    # initialisations differ, so the accuracies agree up to noise: 40 epochs end near .9, chance is .5
    assert abs(case["accuracy"]["FloodVectorEnv"] - case["accuracy"]["plain"]) < 0.1
    assert min(case["accuracy"].values()) > 0.6
    assert {row["side"].split(",")[0] for row in case["rows"]} == {
        "plain network",
        "FloodVectorEnv",
        "trainer alone",
    }


def test_flop_are_those_of_the_matrix_products() -> None:
    task = Task(hidden=(3,), train_size=10, val_size=5)
    # weights 2*3 and 3*4: forward 18, for the weights 18, for the hidden layer's inputs 12, all twice
    assert gflop_per_epoch(task, features=2, classes=4) == pytest.approx(2 * (10 * 48 + 5 * 18) / 1e9)


def test_the_interval_is_student_s() -> None:
    # differences 1, 2, 3: mean 2, standard error 1 / sqrt(3), t(.975, 2) = 4.303
    mean, low, high = paired_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (mean, low, high) == pytest.approx((2.0, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-3)


def test_every_side_gets_every_block() -> None:
    calls: list[str] = []

    def work(name: str) -> float:
        calls.append(name)
        return 1.0

    rates = alternate({"a": lambda: work("a"), "b": lambda: work("b")}, blocks=3, seconds=0.0)
    assert calls == ["a", "b"] * 4, "once to warm up, then block by block"
    assert {name: values.shape for name, values in rates.items()} == {"a": (3,), "b": (3,)}
    assert spread(np.array([3.0, 1.0, 2.0])) == (2.0, 1.0, 3.0)


def test_the_problems_that_presets_are_chosen_by_are_none_that_they_train_on() -> None:
    trained_on = {family for name in preset_names() for family in load_preset(name).tasks.families}
    assert not trained_on & set(presets.FAMILIES)
    problems = presets.validation_problems(draws=2)
    assert list(problems) == list(presets.REGIMES)
    pairs = problems["SGD"]
    assert len(pairs) == len(presets.FAMILIES) * 2 * len(presets.NOISES)
    # every problem comes at every noise with the same data
    for start in range(0, len(pairs), len(presets.NOISES)):
        same = pairs[start : start + len(presets.NOISES)]
        assert [task.label_noise for task, _ in same] == list(presets.NOISES)
        assert len({(task.data, str(task.data_options), seed) for task, seed in same}) == 1


def test_a_rule_is_scored_by_the_runs_that_it_steers(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Task(hidden=(8,), train_size=30, val_size=20, test_size=40, epochs=3)
    monkeypatch.setattr(presets, "REGIMES", {"small": small})
    problems = presets.validation_problems(draws=1)
    scored = presets.score("none", problems)
    task, seed = problems["small"][5]
    alone = PopulationTrainer([task], [seed], [seed + 5])
    for _ in range(3):
        alone.run_epoch(0.0)
    assert scored.final[5] == pytest.approx(alone.evaluate("test").clean_accuracy[0])
    assert scored.label_noise[:4] == [0.0, 0.1, 0.2, 0.4]
    rows = presets.means(scored)
    assert rows["last epoch"] == pytest.approx(np.mean(scored.final))
    assert rows["10 % noise"] == pytest.approx(np.mean(scored.final[1::4]))
    assert rows["noisy"] == pytest.approx(np.mean([x for i, x in enumerate(scored.final) if i % 4]))
    assert rows["rings"] == pytest.approx(np.mean(scored.final[:4]))
    assert rows["left to the rule"] == 0 and len(scored.left_to_rule) == len(scored.final)


def test_runs_of_a_controller_that_step_too_far_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    far = Task(hidden=(64,) * 4, train_size=60, val_size=40, test_size=40, epochs=60, learning_rate=0.01)
    near = far.model_copy(update={"hidden": (8,), "learning_rate": 0.001})
    monkeypatch.setattr(presets, "REGIMES", {"far": far, "near": near})
    scored = presets.score(presets.read("default"), presets.validation_problems(draws=1))
    left = np.array(scored.left_to_rule).reshape(2, -1).mean(axis=1)
    assert left[0] > 0.5 > 0.1 > left[1]
    assert presets.means(scored)["left to the rule"] == pytest.approx(left.mean())


@pytest.mark.parametrize(
    ("names", "mixture", "message"),
    [
        (["none", "nosuch"], None, "nosuch is no preset"),
        (["none", "nosuch.toml"], None, "the preset nosuch.toml cannot be read"),
        (["none"], "nosuch", "unknown preset 'nosuch'"),
    ],
)
def test_what_cannot_be_scored_is_told_before_anything_is_run(
    names: list[str], mixture: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "score", lambda *_: pytest.fail("something was run"))
    with pytest.raises(InputError, match=message):
        presets.main(names, mixture=mixture)


@pytest.mark.parametrize("module", [presets, speed, images])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for name in ("score", "measure", "measured"):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("nothing may be measured"), raising=False)
    place = tmp_path / "file" / "out.json"
    with pytest.raises(InputError, match="cannot be written"):
        if module is presets:
            presets.main(["none"], out=place)
        else:
            module.main(json_file=place)


def test_what_was_scored_before_an_interruption_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scored(policy: Any, problems: Any) -> presets.Score:
        if policy == "rewind":
            raise KeyboardInterrupt
        return presets.Score([0.5], [0.6], [0.7], [0.8], [False], ["rings"], ["full batch"], [0.2])

    monkeypatch.setattr(presets, "score", scored)
    with pytest.raises(typer.Exit) as end:
        presets.main(["none", "rewind"], out=tmp_path / "out.json", draws=1)
    assert end.value.exit_code == 130
    assert list(json.loads((tmp_path / "out.json").read_text())) == ["none"]
    assert "last epoch" in capsys.readouterr().out


def test_options_of_benchmarks_that_change_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--seed and --threads are for the training of presets"):
        presets.main(["none"], seed=1)
    with pytest.raises(InputError, match="leave out --json"):
        speed.main(show_profile=True, json_file=tmp_path / "out.json")
    with pytest.raises(InputError, match="leave out --threads 2"):
        speed.main(cpu_time=True, threads=2)
    with pytest.raises(InputError, match="--counts takes whole numbers"):
        images.main(counts="few")


def test_a_preset_is_not_replaced_by_its_score(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('based_on = "default"\nepisodes = 8\n')
    with pytest.raises(InputError, match="would replace what is read"):
        presets.main([str(file)], out=file)


def test_a_mixture_is_scored_on_as_many_tasks_of_each_variant() -> None:
    mixture = load_preset("default").tasks
    problems = presets.mixture_problems(mixture, draws=1)
    seeds = [seed for pairs in problems.values() for _, seed in pairs]
    assert len(set(seeds)) == len(seeds) == 8 * len(mixture.variants)
    for pairs, variant in zip(problems.values(), mixture.variants, strict=True):
        for task, _ in pairs:
            assert task.data in mixture.families
            assert task.model_dump(include=set(variant), mode="json") == variant


def test_ways_to_train_many_convolutional_networks_are_the_same_networks() -> None:
    networks = [small_cnn(images.SHAPE, images.CLASSES) for _ in range(3)]
    together = images._Grouped(3)
    with torch.no_grad():
        for layer, own in ((together.first, 0), (together.second, 3)):
            layer.weight.copy_(torch.cat([network[own].weight for network in networks]))
            layer.bias.copy_(torch.cat([network[own].bias for network in networks]))
        for i, network in enumerate(networks):
            network[7].bias.zero_()
            network[9].bias.zero_()
            together.hidden[i] = network[7].weight.T
            together.last[i] = network[9].weight.T
    x, _ = images.images(4, torch.device("cpu"))
    expected = torch.stack([network(x) for network in networks])
    torch.testing.assert_close(together(x), expected, rtol=1e-4, atol=1e-5)


def test_the_benchmark_of_images_measures_every_side(tmp_path: Path) -> None:
    file = tmp_path / "images.json"
    images.main(batch=2, batches=1, counts="2", small_batches="3", blocks=1, seconds=0.0, json_file=file)
    found = json.loads(file.read_text())
    assert found["flooding_share"] > 0
    assert min(found["shares"].values()) > 0 and "averaging" in found["shares"]
    sides = [[row["side"] for row in rows] for rows in found["tables"].values()]
    assert sides == [["plain loop", "the same, flooded", "ModuleTrainer"], ["in turns", "vmap", "grouped"]]
    assert all(row["rate"][0] > 0 for rows in found["tables"].values() for row in rows)


TINY_REGIME = Task(hidden=(8,), train_size=40, val_size=20, test_size=30, batch_size=10, epochs=6)


def test_every_variant_of_the_ablation_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "REGIMES", {"tiny": TINY_REGIME})
    file = tmp_path / "ablation.json"
    ablation.main(names=None, out=file, draws=1, regimes="tiny")
    found = json.loads(file.read_text())["tiny"]
    assert list(found["variants"]) == list(ablation.VARIANTS)
    runs = len(presets.FAMILIES) * len(ablation.NOISES)
    assert found["noise"] == list(ablation.NOISES) * len(presets.FAMILIES)
    assert all(len(scored[moment]) == runs for scored in found["variants"].values() for moment in MOMENTS)
    # of the same runs without flooding only the average differs
    first, second, *_ = found["variants"].values()
    assert (first["last"], first["best"]) == (second["last"], second["best"])


def test_the_ablation_s_problems_are_in_no_training_and_in_no_other_comparison() -> None:
    seeds = {seed for regime in ablation.REGIMES for _, seed in ablation.problems(regime)}
    others = {seed for pairs in presets.validation_problems().values() for _, seed in pairs}
    assert not seeds & others
    assert all(1000 <= task.steps <= 4000 for task in ablation.REGIMES.values())


def test_an_unknown_variant_is_told() -> None:
    with pytest.raises(InputError, match="'holt' is no controller and no variant"):
        ablation.main(names=["holt"], out=None, draws=1, regimes="Adam")


def test_a_controller_is_a_variant_held_as_its_file_says() -> None:
    file = controller_file("ars")
    scheduler = ablation.variant(str(file)).make(40, 3)
    assert isinstance(scheduler, PolicyScheduler) and scheduler.epochs == 40
    assert scheduler.hold == Controller.load(file).spec.hold


def test_the_cost_of_a_batch_is_of_loops_that_flood_and_average(tmp_path: Path) -> None:
    rule = batch_cost.held(rlflood.HoldFlood())
    assert rule.level > 0, "it turned"
    file = tmp_path / "cost.json"
    batch_cost.main(json_file=file, rounds=3, batches=1, width=8, cpu_time=True)
    found = json.loads(file.read_text())
    names = ["HoldFlood", "HoldFlood, averaged", "default", "default, averaged"]
    assert [side["side"] for side in found["sides"]] == names
    assert [side["target"] for side in found["sides"]] == [1.01, 1.05] * 2
    for side in found["sides"]:
        low, high = side["interval"]
        assert 0 < low <= side["ratio"] <= high
    assert found["width"] == 8 and found["rounds"] == 3 and found["batch_ms"] > 0
    assert batch_cost.median_interval(np.full(5, 2.0)) == (2.0, 2.0)
