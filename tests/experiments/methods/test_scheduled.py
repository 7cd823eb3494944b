"""Methods of one run under a scheduler."""

from rlflood.experiments import Setting
from rlflood.experiments.methods import ScheduledMethod
from rlflood.schedulers import BackwardFlood


def test_none_never_floods_and_a_constant_always_does(records):
    levels = {record.method: record.levels for record in records}
    assert not levels["none"].any()
    assert (levels["constant:0.3"] == 0.3).all()


def test_backward_floods_once_the_network_has_fitted(setting):
    task = setting.task.model_copy(update={"learning_rate": 0.1, "epochs": 80, "label_noise": 0.0})
    easy = Setting(task, setting.data_seeds, setting.network_seeds)
    record = ScheduledMethod("backward", lambda task: BackwardFlood(0.26, threshold=0.01)).run(easy)
    reached = record.train_loss[0].argmax() if not record.levels.any() else record.levels[0].argmax()
    assert record.levels[0, reached] == 0.26
    assert record.train_loss[0, reached - 1] < 0.01 <= record.train_loss[0, : reached - 1].min()
