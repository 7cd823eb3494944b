"""Statistics across tasks against values worked out by hand, plain loops and SciPy's own procedures."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from rlflood.experiments.analysis.aggregates import (
    gap_share,
    holm,
    interquartile_mean,
    mean,
    mean_ranks,
    paired_difference,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)

# hundredths, as accuracies on a hundred examples: ties happen
accuracies = st.integers(0, 100).map(lambda hundredths: hundredths / 100)
scores = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=5).flatmap(
    lambda shape: arrays(np.float64, shape, elements=accuracies)
)
pairs = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=5).flatmap(
    lambda shape: arrays(np.float64, (2, *shape), elements=accuracies)
)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=8)
few = settings(max_examples=30, deadline=None)


@pytest.fixture
def sample() -> np.ndarray:
    """Two methods, 4 tasks, 7 seeds: correlated within a seed, tasks of different difficulty and spread."""
    generator = np.random.default_rng(3)
    tasks = np.array([0.5, 0.7, 0.8, 0.9])[:, None]
    shared = generator.normal(size=(4, 7)) * np.array([0.01, 0.05, 0.02, 0.03])[:, None]
    return tasks + shared + np.array([0.01, 0])[:, None, None] + generator.normal(scale=0.02, size=(2, 4, 7))


def bounds(interval):
    return interval.low, interval.high


# --- aggregates


def test_the_interquartile_mean_worked_by_hand():
    # ten runs: two go at either end, whatever their task
    runs = [[0.0, 0.9, 0.3, 0.5, 1.0], [0.6, 0.2, 0.1, 0.95, 0.4]]
    assert interquartile_mean(runs) == pytest.approx((0.2 + 0.3 + 0.4 + 0.5 + 0.6 + 0.9) / 6)
    assert interquartile_mean([[0.1, 0.2, 0.9]]) == pytest.approx(0.4)  # too few to leave any out


def test_aggregates_of_many_resamples_are_those_of_each():
    stack = np.random.default_rng(0).random((3, 2, 4, 5))
    for aggregate in (mean, interquartile_mean):
        one_by_one = np.array([[float(aggregate(runs)) for runs in row] for row in stack])
        assert aggregate(stack) == pytest.approx(one_by_one)


@few
@given(scores)
def test_the_interquartile_mean_against_sorting(values):
    cut = values.size // 4
    assert interquartile_mean(values) == pytest.approx(
        np.mean(sorted(values.ravel())[cut : values.size - cut])
    )


# --- intervals


@pytest.mark.parametrize("aggregate", [mean, interquartile_mean])
def test_the_stratified_interval_is_scipys_with_one_sample_a_task(sample, aggregate):
    expected = stats.bootstrap(
        tuple(sample[0]),
        lambda *tasks, axis: aggregate(np.stack(tasks, axis=-2)),
        n_resamples=20000,
        method="percentile",
        rng=np.random.default_rng(11),
    ).confidence_interval
    interval = stratified_interval(sample[0], aggregate, resamples=20000)
    assert interval.mean == float(aggregate(sample[0]))
    # two bootstraps that share no draw agree to a few per cent of the width
    assert bounds(interval) == pytest.approx((expected.low, expected.high), abs=0.04 * 2 * interval.half)


def test_every_resample_of_two_tasks_enumerated():
    # 2 seeds in each of 2 tasks: 16 equally likely resamples
    runs = np.array([[0.0, 0.4], [0.5, 0.7]])
    means = [np.mean(drawn) for drawn in itertools.product(runs[0], runs[0], runs[1], runs[1])]
    # at 70 %, the tails of .15 fall well inside steps of the distribution: .0625, .1875, .3125 ...
    interval = stratified_interval(runs, mean, resamples=4000, confidence=0.7)
    expected = np.quantile(means, (0.15, 0.85), method="inverted_cdf")
    assert bounds(interval) == pytest.approx(tuple(expected))


def test_tasks_are_not_resampled_but_for_unseen_tasks():
    # seeds agree to the last digit, tasks do not: nothing is uncertain about these tasks, much about others
    reference = np.full((6, 5), 0.5)
    values = reference + np.array([0.0, 0.01, 0.02, 0.03, 0.04, 0.05])[:, None]
    difference = paired_difference(values, reference)
    assert bounds(difference.over_seeds) == pytest.approx((0.025, 0.025))
    assert difference.over_tasks.mean == difference.over_seeds.mean == pytest.approx(0.025)
    # with no spread within tasks, the interval is the plain bootstrap of the six task means
    expected = stats.bootstrap(
        ((values - reference).mean(axis=1),), np.mean, n_resamples=20000, method="percentile", rng=5
    ).confidence_interval
    over_tasks = paired_difference(values, reference, resamples=20000).over_tasks
    assert bounds(over_tasks) == pytest.approx((expected.low, expected.high), abs=0.001)


def test_intervals_of_paired_differences_against_loops(sample):
    first, second = sample
    tasks, seeds = first.shape
    generator = np.random.default_rng(17)

    def resampled(drawn_tasks):
        drawn = [(task, seed) for task in drawn_tasks for seed in generator.integers(seeds, size=seeds)]
        return sum(first[place] - second[place] for place in drawn) / len(drawn)

    within = [resampled(range(tasks)) for _ in range(4000)]
    across = [resampled(generator.integers(tasks, size=tasks)) for _ in range(4000)]
    difference = paired_difference(first, second, resamples=8000)
    for interval, means in ((difference.over_seeds, within), (difference.over_tasks, across)):
        assert interval.mean == pytest.approx(np.mean(first) - np.mean(second))
        expected = tuple(np.quantile(means, (0.025, 0.975)))
        assert bounds(interval) == pytest.approx(expected, abs=0.06 * 2 * interval.half)


def test_the_interval_of_a_large_normal_sample_is_the_textbooks():
    generator = np.random.default_rng(8)
    spreads = np.array([0.01, 0.02, 0.04])
    runs = 0.7 + spreads[:, None] * generator.normal(size=(3, 2000))
    interval = stratified_interval(runs, mean)
    error = math.sqrt((spreads**2).sum() / 2000) / 3
    assert interval.low < 0.7 < interval.high
    assert interval.half == pytest.approx(1.96 * error, rel=0.06)


def test_one_seed_or_one_task_has_an_estimate_and_no_interval(sample):
    first, second = sample[:, :, :1]
    profile = performance_profile(first, [0.6, 0.85])
    assert stratified_interval(first, mean).mean == pytest.approx(first.mean())
    assert probability_of_improvement(first, second).mean == pytest.approx((first > second).mean())
    assert profile.share == pytest.approx([(first > 0.6).mean(), (first > 0.85).mean()])
    assert np.isnan([profile.low, profile.high]).all()
    difference = paired_difference(first, second)
    assert difference.over_tasks.mean == difference.over_seeds.mean == pytest.approx((first - second).mean())
    alone = stratified_interval(first, mean), probability_of_improvement(first, second)
    for interval in (*alone, difference.over_seeds, difference.over_tasks):
        assert np.isnan(bounds(interval)).all()

    one_task = paired_difference(sample[0, :1], sample[1, :1])
    assert np.isnan(bounds(one_task.over_tasks)).all()
    assert np.isfinite(bounds(one_task.over_seeds)).all()


def test_the_seed_decides_the_draws(sample):
    same, other = (stratified_interval(sample[0], mean, seed=seed) for seed in (0, 1))
    assert stratified_interval(sample[0], mean) == same != other


def test_the_order_of_seeds_matters_by_bootstrap_noise_only(sample):
    values, permuted = sample[0], sample[0][:, [4, 2, 6, 0, 1, 5, 3]]
    first, second = (
        stratified_interval(runs, interquartile_mean, resamples=8000) for runs in (values, permuted)
    )
    assert second.mean == pytest.approx(first.mean)
    assert bounds(second) == pytest.approx(bounds(first), abs=0.06 * 2 * first.half)
    assert probability_of_improvement(permuted, sample[1]).mean == pytest.approx(
        probability_of_improvement(values, sample[1]).mean
    )


@few
@given(scores, st.floats(-1, 1))
def test_a_constant_moves_an_interval_and_does_not_widen_it(values, constant):
    for aggregate in (mean, interquartile_mean):
        before, after = (
            stratified_interval(runs, aggregate, resamples=50) for runs in (values, values + constant)
        )
        assert (after.mean, *bounds(after)) == pytest.approx(
            (before.mean + constant, before.low + constant, before.high + constant), abs=1e-9
        )


# --- profiles


def test_a_profile_worked_by_hand():
    # .4 is not above .4
    profile = performance_profile([[0.2, 0.4], [0.4, 0.8]], [0.1, 0.4, 0.3, 0.8])
    assert profile.thresholds == pytest.approx([0.1, 0.4, 0.3, 0.8])
    assert profile.share == pytest.approx([1, 0.25, 0.75, 0])
    # above .4 is one of the two seeds of one task: a resample has it 0, 1 or 2 times with 1/4, 1/2, 1/4
    assert profile.low == pytest.approx([1, 0, 0.5, 0])
    assert profile.high == pytest.approx([1, 0.5, 1, 0])


def test_a_profile_is_a_stratified_interval_at_each_threshold(sample):
    thresholds = [0.5, 0.72, 0.81, 0.9]
    profile = performance_profile(sample[0], thresholds, seed=4, confidence=0.8)
    for place, threshold in enumerate(thresholds):
        expected = stratified_interval((sample[0] > threshold).astype(float), mean, seed=4, confidence=0.8)
        found = profile.share[place], profile.low[place], profile.high[place]
        assert found == pytest.approx((expected.mean, *bounds(expected)))


# --- probability of improvement


def test_the_probability_of_improvement_worked_by_hand():
    # first task: .5 beats .4 and ties .5, .6 beats both: 3.5 of 4; second: no win: 0 of 4
    interval = probability_of_improvement([[0.5, 0.6], [0.1, 0.2]], [[0.4, 0.5], [0.3, 0.3]])
    assert interval.mean == pytest.approx((3.5 / 4 + 0) / 2)


@few
@given(pairs)
def test_the_probability_of_improvement_is_mann_whitneys(both):
    first, second = both
    expected = np.mean(
        [
            stats.mannwhitneyu(one, other, method="asymptotic").statistic / (len(one) * len(other))
            for one, other in zip(first, second, strict=True)
        ]
    )
    assert probability_of_improvement(first, second, resamples=10).mean == pytest.approx(expected)


def test_the_interval_of_improvement_draws_pairs(sample):
    first, second = sample
    generator = np.random.default_rng(2)

    def resampled():
        drawn = [generator.integers(7, size=7) for _ in first]
        return np.mean([first[t, i] > second[t, j] for t in range(4) for i in drawn[t] for j in drawn[t]])

    expected = tuple(np.quantile([resampled() for _ in range(3000)], (0.025, 0.975)))
    interval = probability_of_improvement(first, second, resamples=8000)
    assert bounds(interval) == pytest.approx(expected, abs=0.06 * 2 * interval.half)


def test_a_method_does_not_differ_from_itself(sample):
    # with pairs drawn, no resample says otherwise
    itself = probability_of_improvement(sample[0], sample[0])
    assert (itself.mean, *bounds(itself)) == pytest.approx((0.5, 0.5, 0.5))
    difference = paired_difference(sample[0], sample[0])
    assert difference.p_value == 1
    assert bounds(difference.over_seeds) == bounds(difference.over_tasks) == (0, 0)


@few
@given(pairs)
def test_methods_that_change_places_change_the_sign(both):
    forth, back = (probability_of_improvement(*order, resamples=50) for order in (both, both[::-1]))
    assert (back.mean, *bounds(back)) == pytest.approx((1 - forth.mean, 1 - forth.high, 1 - forth.low))

    there, again = (paired_difference(*order, resamples=50) for order in (both, both[::-1]))
    assert again.p_value == pytest.approx(there.p_value)
    for one, other in ((there.over_seeds, again.over_seeds), (there.over_tasks, again.over_tasks)):
        assert (other.mean, *bounds(other)) == pytest.approx((-one.mean, -one.high, -one.low))


# --- tests


def test_wilcoxon_over_all_pairs_against_all_signs_enumerated():
    # .1 thrice, .3 twice, 0 out
    ranks, signs = np.array([2, 2, 2, 4.5, 4.5, 6, 7]), np.array([-1, 1, -1, 1, 1, 1, 1])
    observed = ranks[signs > 0].sum()
    sums = np.array([np.dot(ranks, signs) for signs in itertools.product((0, 1), repeat=len(ranks))])
    expected = min(1.0, 2 * min((sums >= observed).mean(), (sums <= observed).mean()))
    values = [[0.4, 0.6, 0.4, 0.8], [0.8, 0.9, 1.0, 0.5]]
    assert paired_difference(values, np.full((2, 4), 0.5)).p_value == pytest.approx(expected)


def test_equal_steps_tie_whatever_their_last_bits():
    # all steps are a tenth, 12 up and 8 down, none the same in binary: of equal rank, they make a sign test
    up = np.arange(20).reshape(4, 5) < 12
    tenths = np.tile(np.arange(1, 6) / 10, (4, 1))
    values, reference = (tenths + 0.1 * up).round(1), (tenths + 0.1 * ~up).round(1)
    assert len(np.unique(abs(values - reference))) > 1
    expected = stats.binomtest(12, 20).pvalue
    assert paired_difference(values, reference).p_value == pytest.approx(expected)


@pytest.mark.parametrize(("shape", "method"), [((5, 10), "exact"), ((6, 10), "asymptotic")])
def test_wilcoxon_is_scipys_where_nothing_ties(shape, method):
    values, reference = np.random.default_rng(6).normal([[[0.1]], [[0]]], 0.3, size=(2, *shape))
    expected = stats.wilcoxon((values - reference).ravel(), method=method).pvalue
    assert 0.001 < expected < 0.5
    assert paired_difference(values, reference).p_value == pytest.approx(expected)


def test_holm_worked_by_hand():
    # sorted .01, .02, .03, .4 times 4, 3, 2, 1: .04, .06, .06, .4; the third may not fall below the second
    assert holm([0.02, 0.4, 0.01, 0.03]) == pytest.approx([0.06, 0.4, 0.04, 0.06])
    assert holm([0.6, 0.5]) == pytest.approx([1, 1])
    assert holm([]).shape == (0,)


@given(p_values, st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(values, alpha):
    rejected = set()
    for step, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[place] * (len(values) - step) > alpha:
            break
        rejected.add(place)
    assert {place for place, value in enumerate(holm(values)) if value <= alpha} == rejected


@given(p_values)
def test_holm_lies_between_no_adjustment_and_bonferronis(values):
    adjusted = holm(values)
    assert (adjusted >= values).all()
    assert (adjusted <= np.minimum(np.array(values) * len(values), 1)).all()
    assert (np.diff(adjusted[np.argsort(values)]) >= 0).all()


# --- ranks


def test_mean_ranks_worked_by_hand():
    # three methods, two tasks, two seeds; the second task's first seed ties the best two
    runs = [[[0.9, 0.7], [0.5, 0.2]], [[0.8, 0.8], [0.5, 0.3]], [[0.1, 0.6], [0.4, 0.4]]]
    ranks = mean_ranks(runs)
    assert ranks.per_task == pytest.approx(np.array([[1.5, 2.25], [1.5, 1.75], [3, 2]]))
    assert ranks.overall == pytest.approx([1.875, 1.625, 2.5])


@few
@given(arrays(np.float64, (4, 2, 3), elements=accuracies))
def test_mean_ranks_against_counting(runs):
    ranks = mean_ranks(runs)
    for method, task in itertools.product(range(4), range(2)):
        found = [
            1 + (runs[:, task, seed] > run).sum() + ((runs[:, task, seed] == run).sum() - 1) / 2
            for seed, run in enumerate(runs[method, task])
        ]
        assert ranks.per_task[method, task] == pytest.approx(np.mean(found))
    assert ranks.overall == pytest.approx(ranks.per_task.mean(axis=1))
    assert ranks.overall.mean() == pytest.approx((4 + 1) / 2)


# --- shares of a gap


def test_the_share_of_the_gap_is_a_ratio_of_means():
    floor = np.array([[0.5, 0.5], [0.8, 0.8]])
    ceiling = np.array([[0.7, 0.7], [0.8, 0.81]])  # hardly a gap on the second task
    values = np.array([[0.6, 0.6], [0.9, 0.8]])
    share = gap_share(values, floor, ceiling)
    # (.1 + .1 + .1 + 0) / (.2 + .2 + 0 + .01)
    assert share.over_seeds.mean == share.over_tasks.mean == pytest.approx(0.3 / 0.41)
    for end, expected in ((ceiling, 1), (floor, 0)):
        interval = gap_share(end, floor, ceiling).over_seeds
        assert (interval.mean, *bounds(interval)) == pytest.approx([expected] * 3)


def test_intervals_of_the_share_against_loops(sample):
    values, floor = sample
    ceiling = floor + 0.03 + 0.02 * np.random.default_rng(1).random(floor.shape)
    tasks, seeds = floor.shape
    generator = np.random.default_rng(17)

    def resampled(drawn_tasks):
        drawn = [(task, seed) for task in drawn_tasks for seed in generator.integers(seeds, size=seeds)]
        gain = sum(values[place] - floor[place] for place in drawn)
        return gain / sum(ceiling[place] - floor[place] for place in drawn)

    within = [resampled(range(tasks)) for _ in range(4000)]
    across = [resampled(generator.integers(tasks, size=tasks)) for _ in range(4000)]
    share = gap_share(values, floor, ceiling, resamples=8000)
    for interval, shares in ((share.over_seeds, within), (share.over_tasks, across)):
        assert interval.mean == pytest.approx((values - floor).sum() / (ceiling - floor).sum())
        expected = tuple(np.quantile(shares, (0.025, 0.975)))
        assert bounds(interval) == pytest.approx(expected, abs=0.06 * 2 * interval.half)


def test_a_method_that_always_closes_the_same_share_has_no_doubt():
    generator = np.random.default_rng(2)
    floor = generator.uniform(0.4, 0.6, (5, 6))
    gap = generator.uniform(0.0, 0.3, (5, 6))
    # neither hard tasks nor hard seeds widen it: all three meet the same draws
    share = gap_share(floor + 0.4 * gap, floor, floor + gap)
    for interval in (share.over_seeds, share.over_tasks):
        assert (interval.mean, *bounds(interval)) == pytest.approx([0.4] * 3)


def test_without_a_gap_there_is_no_share():
    floor = np.full((3, 4), 0.5)
    assert gap_share(floor + 0.1, floor, floor) is None
    assert gap_share(floor + 0.1, floor, floor - 0.1) is None
    # on average there is one, but a resample of the seeds may have none
    ceiling = floor + np.array([0.1, 0.0, 0.0, -0.05])
    share = gap_share(floor + 0.1, floor, ceiling)
    assert share.over_seeds.mean == pytest.approx(8)
    assert np.isnan([*bounds(share.over_seeds), *bounds(share.over_tasks)]).all()


def test_one_seed_or_one_task_has_a_share_and_no_interval(sample):
    values, floor = sample
    one_seed = gap_share(values[:, :1], floor[:, :1], floor[:, :1] + 0.1)
    assert np.isnan([*bounds(one_seed.over_seeds), *bounds(one_seed.over_tasks)]).all()
    one_task = gap_share(values[:1], floor[:1], floor[:1] + 0.1)
    assert np.isfinite(bounds(one_task.over_seeds)).all() and np.isnan(bounds(one_task.over_tasks)).all()


# --- what is refused


@pytest.mark.parametrize("values", [[0.1, 0.2], [[0.1, float("nan")]], [[]], [[[0.1, 0.2]]]])
def test_scores_that_are_not_tasks_by_seeds_are_refused(values):
    for call in (
        lambda: stratified_interval(values, mean),
        lambda: performance_profile(values, [0.5]),
        lambda: probability_of_improvement(values, values),
        lambda: paired_difference(values, values),
        lambda: gap_share(values, values, values),
    ):
        with pytest.raises(ValueError, match=r"finite values, one or more, in 2 dimension\(s\)"):
            call()


@pytest.mark.parametrize("aggregate", [mean, interquartile_mean])
@pytest.mark.parametrize("values", [[0.1, 0.2], [[float("inf"), 0.1]]])
def test_aggregates_refuse_what_has_no_tasks_or_is_not_finite(aggregate, values):
    with pytest.raises(ValueError, match="two dimensions or more"):
        aggregate(values)


def test_other_shapes_than_those_asked_for_are_refused():
    with pytest.raises(ValueError, match="3 dimension"):
        mean_ranks([[0.1, 0.2]])
    with pytest.raises(ValueError, match="1 dimension"):
        performance_profile([[0.1, 0.2]], [])
    for compare in (probability_of_improvement, paired_difference):
        # these two would broadcast
        with pytest.raises(ValueError, match="equal shapes"):
            compare([[0.1, 0.2]], [[0.1, 0.2], [0.3, 0.4]])
    with pytest.raises(ValueError, match="equal shapes"):
        gap_share([[0.1, 0.2]], [[0.1, 0.2]], [[0.1, 0.2], [0.3, 0.4]])


@pytest.mark.parametrize("values", [[[0.1]], [1.5], [-0.1, 0.5], [float("nan")]])
def test_what_is_no_p_value_is_refused(values):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(values)


def test_options_out_of_range_are_refused(sample):
    with pytest.raises(ValueError, match="resamples"):
        stratified_interval(sample[0], mean, resamples=0)
    for confidence in (0, 1, 95):
        with pytest.raises(ValueError, match="confidence"):
            performance_profile(sample[0], [0.5], confidence=confidence)
