"""The vector environment is held against Gymnasium's own vector of single environments."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlflood.envs import FloodEnv, FloodVectorEnv
from rlflood.training import PopulationTrainer
from rlflood.training.distribution import FixedTask

REPLICAS = 5


def assert_same_infos(ours, theirs):
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        if name.startswith("_"):
            np.testing.assert_array_equal(ours[name], value, err_msg=name)
        elif isinstance(value, dict):
            assert_same_infos(ours[name], value)
        else:
            assert ours[name].dtype == value.dtype, name
            mask = theirs[f"_{name}"]
            for a, b in zip(ours[name][mask], value[mask], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=name)


def assert_same(ours, theirs):
    *ours, our_infos = ours
    *theirs, their_infos = theirs
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        # a network in a stack rounds otherwise than alone; six epochs don't let that grow
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert_same_infos(our_infos, their_infos)


def two_episodes_against_single_environments(mode, steps, **settings):
    vector = FloodVectorEnv(REPLICAS, autoreset_mode=mode, **settings)
    singles = SyncVectorEnv([lambda: FloodEnv(**settings)] * REPLICAS, autoreset_mode=mode)
    assert vector.single_observation_space == singles.single_observation_space
    assert vector.action_space == singles.action_space
    rng = np.random.default_rng(0)
    assert_same(vector.reset(seed=11), singles.reset(seed=11))
    endings = np.zeros(REPLICAS, int)
    for _ in range(steps):
        actions = rng.integers(vector.single_action_space.n, size=REPLICAS)
        found = vector.step(actions)
        assert_same(found, singles.step(actions))
        endings += found[2]
        if mode == AutoresetMode.DISABLED and found[2].any():
            mask = found[2]
            assert_same(
                vector.reset(options={"reset_mask": mask.copy()}),
                singles.reset(options={"reset_mask": mask.copy()}),
            )
    assert (endings >= 2).all()


every_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name.lower())


@every_mode
@pytest.mark.parametrize(
    "settings",
    [
        {"observation": "metrics", "epochs_per_step": 2},
        {"observation": "extended", "levels": "relative", "decisions": 4, "reward": "improvement"},
    ],
    ids=["metrics", "extended"],
)
def test_replicas_do_what_single_environments_do(mode, settings, same_shape):
    two_episodes_against_single_environments(mode, 10, tasks=same_shape, **settings)


@every_mode
def test_tasks_of_different_shapes_go_side_by_side(mode, other_shapes):
    """Runs of 4, 6 and 8 epochs end at different times and their networks have different sizes."""
    two_episodes_against_single_environments(
        mode, 14, tasks=other_shapes, epochs_per_step=2, observation="extended"
    )


@every_mode
def test_replicas_that_diverge_begin_anew_and_the_others_go_on(mode, sometimes_diverging):
    two_episodes_against_single_environments(
        mode, 14, tasks=sometimes_diverging, epochs_per_step=1, observation="extended", failure_penalty=0.7
    )


def test_a_replica_that_diverges_changes_no_other_by_a_bit(small, sometimes_diverging):
    """Groups of one from the same seeds; in the second environment group 1 has data that diverge."""
    histories = []
    for second in (small, sometimes_diverging.tasks[1]):
        tasks = iter([small, second, small])

        class InTurn:
            def draw(self, rng, tasks=tasks):
                return next(tasks)

        env = FloodVectorEnv(3, tasks=InTurn(), autoreset_mode=AutoresetMode.DISABLED)
        env.reset(seed=0)
        observations, rewards, terminated, _, _ = env.step(np.array([0, 10, 20]))
        assert terminated.tolist() == [False, second is not small, False]
        histories.append(np.column_stack([observations, rewards])[[0, 2]])
    np.testing.assert_array_equal(*histories)


# groups


def test_a_group_shares_task_data_and_initialisation(same_shape):
    """The levels descend and ascend: 5 is above every loss here."""
    settings = {"tasks": same_shape, "levels": (0.0, 5.0)}
    env, single = FloodVectorEnv(6, group_size=3, **settings), FloodVectorEnv(2, **settings)
    observations, _ = env.reset(seed=4)
    alone, _ = single.reset(seed=4)
    np.testing.assert_array_equal(observations, alone.repeat(3, axis=0))
    assert env.episode_numbers.tolist() == [1, 1, 1, 2, 2, 2]
    same, *_ = env.step(np.zeros(6, int))
    np.testing.assert_array_equal(same, same[[0, 0, 0, 3, 3, 3]])
    np.testing.assert_allclose(same[[0, 3]], single.step(np.zeros(2, int))[0], rtol=1e-4, atol=1e-5)
    apart, *_ = env.step(np.array([0, 1, 0, 1, 1, 0]))
    np.testing.assert_array_equal(apart, apart[[0, 1, 0, 3, 3, 5]])
    assert (apart[[0, 3], 2] != apart[[1, 5], 2]).all()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_group_begins_its_next_episode_together(small, mode):
    env = FloodVectorEnv(4, tasks=FixedTask(small), group_size=2, autoreset_mode=mode, epochs_per_step=6)
    env.reset(seed=0)
    seen = [env.episode_numbers.tolist()]
    for _ in range(4):
        env.step(np.zeros(4, int))
        seen.append(env.episode_numbers.tolist())
    begun = [numbers for numbers, before in zip(seen[1:], seen[:-1], strict=True) if numbers != before]
    assert begun[:2] == [[3, 3, 4, 4], [5, 5, 6, 6]]


def test_who_leaves_a_group_early_has_an_episode_of_its_own(monkeypatch, small):
    original = PopulationTrainer.run_epoch

    def run_epoch(trainer, levels, strengths=None):
        metrics = original(trainer, levels)
        metrics.train_loss[np.broadcast_to(levels, trainer.replicas) == 0.5] = (
            np.nan
        )  # the action 50 diverges
        return metrics

    monkeypatch.setattr(PopulationTrainer, "run_epoch", run_epoch)
    env = FloodVectorEnv(3, tasks=FixedTask(small), group_size=3, autoreset_mode=AutoresetMode.SAME_STEP)
    env.reset(seed=0)
    _, rewards, terminated, _, infos = env.step(np.array([0, 50, 0]))
    assert terminated.tolist() == [False, True, False]
    assert rewards[1] == -1
    assert env.episode_numbers.tolist() == [1, 2, 1]
    assert infos["epoch"].tolist() == [1, 0, 1]
    for _ in range(5):
        _, _, terminated, _, infos = env.step(np.zeros(3, int))
    assert terminated.tolist() == [True, False, True]
    assert env.episode_numbers.tolist() == [3, 2, 3]  # together again, without the straggler
    assert infos["epoch"].tolist() == [0, 5, 0]


# seeds, resets, refusals


def test_one_seed_a_group_can_be_given(small):
    env = FloodVectorEnv(4, tasks=FixedTask(small), group_size=2)

    def first_step(seed):
        env.reset(seed=seed)
        return env.step(np.zeros(4, int))[0]

    np.testing.assert_array_equal(first_step(7), first_step([7, 8]))
    assert not np.array_equal(first_step(7), first_step([8, 7]))
    first_step([7, 9])
    with pytest.raises(ValueError, match="one seed a group: got 3 seeds for 2 groups"):
        env.reset(seed=[1, 2, 3])


def test_a_mask_resets_some_and_leaves_the_others(small):
    env = FloodVectorEnv(3, tasks=FixedTask(small), autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    env.step(np.zeros(3, int))
    _, infos = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert infos["_epoch"].tolist() == [False, True, False]
    assert env.step(np.zeros(3, int))[4]["epoch"].tolist() == [2, 1, 2]
    with pytest.raises(ValueError, match="reset_mask must have shape"):
        env.reset(options={"reset_mask": np.array([True])})


def test_no_epoch_is_trained_for_replicas_that_rest(monkeypatch, small):
    env = FloodVectorEnv(2, tasks=FixedTask(small), epochs_per_step=6)
    env.reset(seed=0)
    assert env.step(np.zeros(2, int))[2].all()
    monkeypatch.setattr(PopulationTrainer, "run_epoch", None)
    _, rewards, terminated, _, infos = env.step(np.zeros(2, int))
    assert not rewards.any()
    assert not terminated.any()
    assert infos["epoch"].tolist() == [0, 0]


def test_what_it_returns_is_not_its_own_memory(small):
    env = FloodVectorEnv(2, tasks=FixedTask(small))
    env.reset(seed=0)
    expected = env.step(np.zeros(2, int))[0].copy()
    observations, _ = env.reset(seed=0)
    observations.fill(7)
    found = env.step(np.zeros(2, int))[0]
    np.testing.assert_array_equal(found, expected)


def test_steps_out_of_turn_are_refused(small):
    env = FloodVectorEnv(2, tasks=FixedTask(small), autoreset_mode="Disabled", epochs_per_step=6)
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset"):
        env.step(np.zeros(2, int))
    env.reset(seed=0)
    for actions in ([0], [0, 51], [-1, 0], [[0, 0]]):
        with pytest.raises(ValueError, match="must be 2 integers from 0 to 50"):
            env.step(np.array(actions))
    with pytest.raises(ValueError, match="must be 2 integers from 0 to 50"):
        env.step(np.array([0.5, 1.5]))
    env.step(np.zeros(2, int))
    with pytest.raises(gymnasium.error.ResetNeeded, match="an episode is over"):
        env.step(np.zeros(2, int))


def test_gymnasiums_wrappers_count_its_episodes(small):
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        FloodVectorEnv(2, tasks=FixedTask(small), epochs_per_step=3, reward="improvement")
    )
    env.reset(seed=0)
    for _ in range(2):
        observations, _, _, _, infos = env.step(np.zeros(2, int))
    np.testing.assert_allclose(infos["episode"]["r"], observations[:, 3], rtol=1e-5)
    assert infos["episode"]["l"].tolist() == [2, 2]


def test_threads_change_nothing_but_rounding():
    options = {
        "data": "sinusoid",
        "hidden": (8,),
        "epochs": 6,
        "train_size": 20,
        "val_size": 20,
        "test_size": 30,
    }
    one, two = (FloodVectorEnv(5, threads=threads, decisions=3, **options) for threads in (1, 2))
    actions = np.array([0, 10, 20, 30, 40])
    np.testing.assert_allclose(two.reset(seed=3)[0], one.reset(seed=3)[0])
    for _ in range(3):
        expected, found = one.step(actions), two.step(actions)
        for left, right in zip(found[:4], expected[:4], strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[4]["test_accuracy"], expected[4]["test_accuracy"])
