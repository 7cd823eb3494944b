import copy

import pytest
import torch
from torch import nn

from rlflood.training import Task
from rlflood.training.optimizer import load_optimizer, make_optimizer, set_learning_rate


def stepped(optimizer, network):
    network(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    return torch.cat([value.detach().flatten() for value in network.parameters()])


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_a_state_saved_on_another_device_leaves_what_goes_by_the_device(name):
    task = Task(optimizer=name, learning_rate=0.01)
    network = nn.Linear(3, 2)
    optimizer = make_optimizer(task, network)
    stepped(optimizer, network)
    other = copy.deepcopy(network)
    state = optimizer.state_dict()
    # what a GPU's optimizer that graphs capture differs in
    captured = make_optimizer(task, other)
    rate = torch.tensor(0.5)
    for group in captured.param_groups:
        group["lr"] = rate
        if "capturable" in group:
            group["capturable"] = True
    load_optimizer(captured, state)
    (group,) = captured.param_groups
    assert group["lr"] is rate and rate.item() == pytest.approx(0.01)
    assert group.get("capturable", True)
    back = make_optimizer(task, other)
    load_optimizer(back, captured.state_dict())
    (group,) = back.param_groups
    assert type(group["lr"]) is float and group["lr"] == pytest.approx(0.01)
    assert not group.get("capturable", False)
    assert torch.allclose(stepped(back, other), stepped(optimizer, network), atol=1e-6)


def test_a_rate_that_is_a_tensor_is_changed_in_its_place():
    rate = torch.tensor(0.1)
    group = {"lr": rate}
    set_learning_rate(group, 0.2)
    assert group["lr"] is rate and rate.item() == pytest.approx(0.2)
