import numpy as np

from rlflood.experiments.report.text.data_wording import describe_classes, describe_data
from rlflood.training import Task


def test_the_classes_and_the_accuracy_to_beat():
    assert describe_classes({"no": 80, "yes": 1120}) == (
        "classes: no 80, yes 1,120 (93.3 % are yes: the accuracy to beat)"
    )
    many = describe_classes({f"c{i}": 10 + i for i in range(40)})
    assert many == "classes: 40, from c39 49 to c0 10 (4.2 % are c39: the accuracy to beat)"
    assert len(describe_classes({"a" * 99: 3, "b": 3})) < 100


def test_named_sets_own_files_and_generators(tmp_path):
    digits = describe_data(Task(data="digits", train_size=200))
    assert digits[0].startswith("classes: 0 178, 1 182")
    assert digits[1] == "200 of 1,797 samples are trained on; --train-size takes more"
    np.savez(tmp_path / "my.npz", x=np.eye(30), y=np.repeat(["u", "v"], 15))
    own = describe_data(Task(data=str(tmp_path / "my.npz"), train_size=20))
    assert own == [
        "classes: u 15, v 15 (50.0 % are u: the accuracy to beat)",
        "20 of 30 samples are trained on",
    ]
    assert describe_data(Task()) == []
