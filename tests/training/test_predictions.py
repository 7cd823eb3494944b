import numpy as np
import torch

from rlflood.training import PopulationTrainer, Task
from rlflood.training.predictions import Predictions

CPU = torch.device("cpu")


def test_the_share_of_changed_predictions_by_hand():
    noted = Predictions(2, 4, CPU)
    numbers = torch.tensor([[2, 0], [1, 3]])
    rest = torch.tensor([[1, 3], [0, 2]])

    def epoch(first, second):
        noted.note(numbers, torch.tensor(first))
        noted.note(rest, torch.tensor(second))
        noted.end_epoch()
        return noted.fetched()

    assert np.isnan(epoch([[0, 1], [0, 0]], [[0, 0], [1, 1]])).all()
    np.testing.assert_array_equal(epoch([[0, 1], [0, 0]], [[0, 0], [1, 1]]), [0, 0])
    np.testing.assert_array_equal(epoch([[0, 0], [1, 1]], [[0, 0], [2, 1]]), [0.25, 0.75])


def test_nothing_is_known_without_numbers_of_samples():
    noted = Predictions(1, None, CPU)
    for _ in range(2):
        noted.note(torch.zeros(1, 5, dtype=torch.int64), torch.ones(1, 5, dtype=torch.int64))
        noted.end_epoch()
    assert np.isnan(noted.fetched()).all()


def test_a_trainer_compares_what_it_predicts_before_each_step():
    """In full batch that is what the weights after the epoch before predict."""
    task = Task(hidden=(16,), train_size=60, val_size=20, test_size=20, label_noise=0.2, learning_rate=0.05)
    stack = PopulationTrainer([task] * 2, [1, 2], [3, 4])
    x = [torch.from_numpy(task.split(seed).train.x) for seed in (1, 2)]
    predicted = []
    for epoch in range(5):
        predicted.append([stack.module(i)(x[i]).argmax(1) for i in range(2)])
        stack.run_epoch(0.0)
        if epoch == 0:
            assert np.isnan(stack.changed).all()
        else:
            pairs = zip(predicted[-1], predicted[-2], strict=True)
            expected = [(now != before).float().mean().item() for now, before in pairs]
            np.testing.assert_allclose(stack.changed, expected, rtol=1e-6)
    assert stack.changed.any()
