"""The tasks that a controller is watched on."""

import dataclasses

import pytest

from rlflood.agents import load_preset
from rlflood.envs import FloodVectorEnv
from rlflood.errors import InputError
from rlflood.experiments.explain import data_set, describe_runs, fresh_tasks, mixture_of
from rlflood.training import Task
from rlflood.training.distribution import FixedTask, Mixture

MIXTURE = Mixture(base=Task(epochs=7), variants=({"batch_size": 6}, {"batch_size": 20}))


def test_a_draw_is_the_same_however_many_there_are():
    many, few = (fresh_tasks(MIXTURE, count, 5, (0.0, 0.3)) for count in (6, 2))
    assert many[:2] == few
    assert len({run.data_seed for row in many for run in row}) == 6
    assert fresh_tasks(MIXTURE, 2, 6, (0.0, 0.3)) != few


def test_the_runs_of_a_draw_differ_in_label_noise_alone():
    for clean, noisy in fresh_tasks(MIXTURE, 5, 0, (0.0, 0.3)):
        assert (clean.data_seed, clean.network_seed) == (noisy.data_seed, noisy.network_seed)
        assert (clean.task.label_noise, noisy.task.label_noise) == (0.0, 0.3)
        assert clean.task == noisy.task.model_copy(update={"label_noise": 0.0})


def test_no_draw_is_one_of_the_first_in_training():
    drawn = []

    class Remembering:
        def draw(self, rng):
            drawn.append(MIXTURE.draw(rng))
            return Task(hidden=(2,), epochs=1, train_size=10, val_size=10, test_size=10)

    FloodVectorEnv(8, tasks=Remembering(), decisions=1).reset(seed=0)
    trained = [(task.data, task.data_options) for task in drawn if task.data_options]
    watched = [(row[0].task.data, row[0].task.data_options) for row in fresh_tasks(MIXTURE, 8, 0, (0.0,))]
    assert trained and not [task for task in watched if task in trained]


def test_what_a_person_changes_wins_over_the_variants():
    changes = {"batch_size": 10, "hidden": (4, 4)}
    for (run,) in fresh_tasks(MIXTURE, 5, 0, (0.1,), changes):
        assert (run.task.batch_size, run.task.hidden, run.task.epochs) == (10, (4, 4), 7)


@pytest.mark.parametrize(
    ("noise", "changes", "message"), [(1.5, {}, "label_noise"), (0.1, {"epochs": 0}, "epochs")]
)
def test_what_no_task_can_have_is_refused(noise, changes, message):
    with pytest.raises(InputError, match=message):
        fresh_tasks(MIXTURE, 2, 0, (noise,), changes)


def test_the_mixture_is_the_controllers_own(linear):
    preset = load_preset("demo").model_dump(mode="json")
    trained = dataclasses.replace(linear(), provenance={"preset": preset})
    mixture, words = mixture_of(trained)
    assert mixture == load_preset("demo").tasks
    assert "that it was trained on" in words


@pytest.mark.parametrize(
    "provenance",
    [
        {},
        {"preset": "ppo"},
        {"preset": {}},
        {"preset": {"tasks": {"families": ["knots"]}}},
        {"preset": {"tasks": 3}},
    ],
)
def test_without_a_usable_one_it_is_the_default_and_says_so(linear, provenance):
    mixture, words = mixture_of(dataclasses.replace(linear(), provenance=provenance))
    assert mixture == Mixture()
    assert "default mixture" in words


def test_a_data_set_has_the_sizes_of_a_rollout_and_no_more_test_samples_than_needed():
    source, words = data_set("wine", None, None, None)
    assert isinstance(source, FixedTask) and words == "draws from wine"
    assert (source.task.train_size, source.task.val_size, source.task.test_size) == (59, 59, 59)
    generated, _ = data_set("two-gaussians", None, None, 30)
    assert (generated.task.train_size, generated.task.val_size, generated.task.test_size) == (100, 30, 30)
    with pytest.raises(InputError, match="Did you mean wine"):
        data_set("wines", None, None, None)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        ((0.0,), "3 tasks, at 0 % label noise"),
        ((0.0, 0.25), "3 tasks, each at 0 and 25 % label noise"),
        ((0.0, 0.07, 0.4), "3 tasks, each at 0, 7 and 40 % label noise"),
    ],
)
def test_runs_in_words(noise, words):
    assert describe_runs("tasks", 3, noise) == words
