"""How long training takes, relative to other training: what progress bars and stacks are planned by."""

from rlflood.data.synthetic import DEFAULT_TEST_SIZE
from rlflood.experiments.methods.base import Method
from rlflood.experiments.runs.setting import Setting

# Seconds on one core, fitted to the times in the store of the study `quick`. Only their ratios matter: how
# much of the time is arithmetic, and how much a step costs whatever its size.
_SECONDS_PER_FLOP = 1 / 100e9
_SECONDS_PER_TEST_FLOP = 1 / 20e9  # large splits, seen twice: memory more than arithmetic
_SECONDS_PER_STEP = 3.5e-3
_SECONDS_PER_REPLICA_STEP = 0.35e-3


def cost(method: Method, setting: Setting) -> float:
    """Roughly the seconds that a method takes for the repeats of a setting on one core."""
    task = setting.task
    samples = task.train_samples
    steps = -(-samples // (task.batch_size or samples))
    # two operations a weight and sample forward, twice that backward
    work = setting.size.multiplications
    epoch = 2 * work * (3 * samples + task.val_size) * _SECONDS_PER_FLOP
    epoch += steps * (_SECONDS_PER_REPLICA_STEP + _SECONDS_PER_STEP / (method.width * setting.repeats))
    test_size = task.test_size or task.source().size or DEFAULT_TEST_SIZE
    # the last weights and the best ones
    test = 2 * 2 * work * test_size * _SECONDS_PER_TEST_FLOP
    return setting.repeats * method.epochs(task) * (epoch + test / task.epochs)
