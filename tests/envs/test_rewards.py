import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.envs.rewards import check_reward, relative_to_group, reward
from rlflood.errors import InputError

accuracies = st.lists(st.integers(0, 200).map(lambda n: n / 200), min_size=1, max_size=20)


def test_the_three_rewards_of_a_step():
    before, after = np.array([0.5, 0.75]), np.array([0.625, 0.5])
    np.testing.assert_array_equal(reward("accuracy", before, after, False), [0.625, 0.5])
    np.testing.assert_array_equal(reward("improvement", before, after, False), [0.125, -0.25])
    np.testing.assert_array_equal(reward("final", before, after, False), [0, 0])
    np.testing.assert_array_equal(reward("final", before, after, True), [0.625, 0.5])


def test_the_held_out_reward_pays_at_the_end_only():
    before, after, held_out = np.array([0.5]), np.array([0.625]), np.array([0.6])
    np.testing.assert_array_equal(reward("held-out", before, after, False), [0])
    np.testing.assert_array_equal(reward("held-out", before, after, True, held_out), [0.6])


@given(accuracies)
def test_over_an_episode_improvement_and_final_sum_to_the_final_accuracy(history):
    for kind in ("improvement", "final"):
        total, before = 0.0, np.zeros(1)
        for step, accuracy in enumerate(history):
            after = np.array([accuracy])
            total += reward(kind, before, after, step == len(history) - 1)[0]
            before = after
        assert total == pytest.approx(history[-1])


def test_a_reward_is_not_the_metric_itself():
    after = np.array([0.5])
    reward("accuracy", np.zeros(1), after, True)[0] = 7
    assert after[0] == 0.5


def test_an_unknown_reward_is_an_input_error():
    with pytest.raises(
        InputError, match="unknown reward 'loss': use one of accuracy, improvement, final, held-out"
    ):
        check_reward("loss")


def test_relative_rewards_by_hand():
    rewards = np.array([0.9, 0.6, 0.75, 0.5, 0.7, 0.4])
    episodes = np.array([4, 4, 4, 9, 2, 2])
    # 0.9 - (0.6 + 0.75) / 2; 0.6 - (0.9 + 0.75) / 2; 0.75 - (0.9 + 0.6) / 2; alone; 0.7 - 0.4; 0.4 - 0.7
    expected = [0.225, -0.225, 0.0, 0.0, 0.3, -0.3]
    np.testing.assert_allclose(relative_to_group(rewards, episodes), expected, atol=1e-12)


@given(
    st.lists(st.tuples(st.floats(-10, 10), st.integers(0, 4)), min_size=1, max_size=30),
    st.floats(-5, 5),
    st.randoms(use_true_random=False),
)
def test_relative_rewards_have_no_mean_no_offset_and_no_order(pairs, offset, random):
    rewards, episodes = np.array([r for r, _ in pairs]), np.array([e for _, e in pairs])
    relative = relative_to_group(rewards, episodes)
    for episode in np.unique(episodes):
        group = episodes == episode
        assert relative[group].sum() == pytest.approx(0, abs=1e-9)
        if group.sum() == 1:
            assert relative[group] == 0
        else:  # the difference of two siblings is stretched by n / (n - 1)
            n = group.sum()
            spread = relative[group] - relative[group][0]
            np.testing.assert_allclose(spread, (rewards[group] - rewards[group][0]) * n / (n - 1), atol=1e-9)
    # what all siblings share, such as a hard task, does not count
    np.testing.assert_allclose(relative_to_group(rewards + offset * episodes, episodes), relative, atol=1e-9)
    order = list(range(len(pairs)))
    random.shuffle(order)
    np.testing.assert_allclose(
        relative_to_group(rewards[order], episodes[order]), relative[order], atol=1e-12
    )
