import json
import struct
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import save as save_tensors
from stable_baselines3 import PPO

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.controller import FORMAT
from rlflood.control.features import FEATURES
from rlflood.control.lstm import LSTM
from rlflood.control.safeguard import Safeguard
from rlflood.control.shipped import shipped_controllers
from rlflood.envs import FloodVectorEnv
from rlflood.envs.stable_baselines import stable_baselines_env
from rlflood.errors import InputError
from rlflood.holding import Hold

LEVELS = LevelSet((0.0, 0.3, 0.7), "relative")
SPEC = ControlSpec("extended", LEVELS, 5)


def random_lstm(rng, inputs, units):
    shapes = ((4 * units, inputs), (4 * units, units), (4 * units,))
    return LSTM(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def random_controller(seed=0, spec=SPEC, hidden=(8, 6), activation="tanh", units=None, **options):
    """Of random weights; with ``units``, a recurrent one."""
    rng = np.random.default_rng(seed)
    features = len(FEATURES[spec.observation])
    if units is not None:
        options["lstm"] = random_lstm(rng, features, units)
    sizes = (features if units is None else units, *hidden, len(spec.levels))
    layers = [
        (rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]
    return Controller(spec, layers, activation, **options)


def observations(count=50, features=15, seed=1):
    return np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32)


CONTENTS = [random_controller(provenance={"seed": 3}, units=units).to_bytes() for units in (None, 5)]
CONTENT = CONTENTS[0]
HEADER_LENGTH = struct.unpack("<Q", CONTENT[:8])[0]
with_and_without_memory = pytest.mark.parametrize("content", CONTENTS, ids=["feed-forward", "recurrent"])


GUARD = {"rise": 0.1, "fraction": 0.8, "release": 0.6, "overshoot": 1.3}


def tensors_of(controller):
    named = {}
    if controller.lstm is not None:
        named = {
            f"lstm.{name}": getattr(controller.lstm, name) for name in ("weight_ih", "weight_hh", "bias")
        }
    for number, (weight, bias) in enumerate(controller.layers):
        named |= {f"layers.{number}.weight": weight, f"layers.{number}.bias": bias}
    return named


def forged(header=(), tensors=(), *, without=(), format=FORMAT, units=None):
    """A controller's file with some of its header and tensors replaced."""
    content = {
        "format": format,
        "observation": "extended",
        "features": list(FEATURES["extended"]),
        "levels": list(LEVELS.values),
        "level_unit": "relative",
        "decisions": 5,
        "safeguard": GUARD,
        "turn": "loss",
        "hold": {"batches": 1.0, "ascent": 1.0},
        "returning": False,
        "average": False,
        "activation": "tanh",
        "provenance": {},
    } | dict(header)
    for name in without:
        content.pop(name, None)
    named = tensors_of(random_controller(units=units)) | dict(tensors)
    named = {name: tensor for name, tensor in named.items() if name not in without}
    return save_tensors(named, metadata={"controller": json.dumps(content)})


# what it computes


def test_logits_and_actions_by_hand():
    spec = ControlSpec("metrics", LevelSet((0.0, 0.1)), 3)
    first = np.array([[1, 0, 0, 0], [0, 0, 2, 0]], np.float32), np.array([0, -1], np.float32)
    second = np.array([[1, 1], [0, 3]], np.float32), np.array([0.5, 0], np.float32)
    seen = np.array([[0.5, 9, 1, 9], [-2, 9, 0.25, 9]], np.float32)
    relu = Controller(spec, [first, second], "relu")
    # hidden: (0.5, 1) and (0, 0) after relu
    logits, memory = relu.logits(seen)
    np.testing.assert_allclose(logits, [[2.0, 3.0], [0.5, 0.0]])
    assert memory is None
    np.testing.assert_array_equal(relu.act(seen)[0], [1, 0])
    tanh = Controller(spec, [first, second], "tanh")
    a, b = np.tanh([[0.5, 1.0], [-2.0, -0.5]])
    expected = [[a[0] + a[1] + 0.5, 3 * a[1]], [b[0] + b[1] + 0.5, 3 * b[1]]]
    np.testing.assert_allclose(tanh.logits(seen)[0], expected, rtol=1e-6)


def test_a_memory_by_hand():
    """One unit; each gate looks at another feature, the forget gate also at what was given out before."""
    spec = ControlSpec("metrics", LevelSet((0.0, 0.1)), 3)
    before = np.array([[0], [2], [0], [0]], np.float32)
    lstm = LSTM(np.eye(4, dtype=np.float32), before, np.array([0, 0.5, 0, 0], np.float32))
    layer = np.array([[1], [-1]], np.float32), np.zeros(2, np.float32)
    recurrent = Controller(spec, [layer], lstm=lstm)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    seen = np.array([[[0.1, 0.2, 0.3, 0.4], [0, 0, -3, 1]], [[1, 0, 0.5, 1], [2, 1, 0.25, 3]]], np.float32)
    given, kept, memory = np.zeros(2), np.zeros(2), None
    for taken, forgotten, new, out in seen.transpose(0, 2, 1).astype(float):
        kept = sigmoid(forgotten + 2 * given + 0.5) * kept + sigmoid(taken) * np.tanh(new)
        given = sigmoid(out) * np.tanh(kept)
        logits, memory = recurrent.logits(
            np.stack([taken, forgotten, new, out], 1).astype(np.float32), memory
        )
        np.testing.assert_allclose(logits, np.stack([given, -given], 1), rtol=1e-6)
        np.testing.assert_allclose(memory[:, :, 0], np.stack([given, kept], 1), rtol=1e-6)


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 6), st.integers(1, 4))
def test_a_memory_is_that_of_pytorch(seed, units, steps, replicas):
    torch.manual_seed(seed)
    module = torch.nn.LSTM(15, units)
    parts = (module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0 + module.bias_hh_l0)
    lstm = LSTM(*(part.detach().numpy() for part in parts))
    seen = torch.randn(steps, replicas, 15)
    with torch.no_grad():
        given, (_, kept) = module(seen)
    memory = lstm.blank()
    for step in range(steps):
        memory = lstm.step(seen[step].numpy(), memory)
        np.testing.assert_allclose(memory[:, 0], given[step].numpy(), atol=1e-5)
    np.testing.assert_allclose(memory[:, 1], kept[0].numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "torch_activation"), [("tanh", torch.nn.Tanh), ("relu", torch.nn.ReLU)]
)
@pytest.mark.parametrize("hidden", [[64, 64], [16], []])
def test_logits_are_those_of_the_agents_policy(activation, torch_activation, hidden):
    env = FloodVectorEnv(2, levels=LEVELS, observation="extended", decisions=3, autoreset_mode="SameStep")
    agent = PPO(
        "MlpPolicy",
        stable_baselines_env(env),
        policy_kwargs={"net_arch": {"pi": hidden, "vf": [4]}, "activation_fn": torch_activation},
        seed=0,
        device="cpu",
    )
    linear = [part for part in agent.policy.mlp_extractor.policy_net if isinstance(part, torch.nn.Linear)]
    layers = [
        (part.weight.detach().numpy().copy(), part.bias.detach().numpy().copy())
        for part in (*linear, agent.policy.action_net)
    ]
    controller = Controller(SPEC, layers, activation)
    seen = observations()
    with torch.no_grad():
        distribution = agent.policy.get_distribution(torch.from_numpy(seen)).distribution
    ours = torch.from_numpy(controller.logits(seen)[0])
    torch.testing.assert_close(ours.log_softmax(1), distribution.logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(controller.act(seen)[0], agent.predict(seen, deterministic=True)[0])


# its file


@given(
    st.integers(0, 2**31),
    st.sampled_from(["metrics", "extended"]),
    st.sampled_from([(), (3,), (8, 6)]),
    st.sampled_from(["tanh", "relu"]),
    st.integers(1, 500),
    st.none() | st.integers(1, 7),
)
def test_a_file_gives_the_same_controller_bit_for_bit(
    seed, observation, hidden, activation, decisions, units
):
    spec = ControlSpec(observation, LevelSet((0.0, 0.1, 1 / 3), "relative"), decisions)
    provenance = {
        "algorithm": "ppo",
        "seed": seed,
        "shares": [0.1, {"noise": 1 / 3}],
        "by": "é",
        "none": None,
    }
    saved = random_controller(seed, spec, hidden, activation, units, provenance=provenance)
    loaded = Controller.from_bytes(saved.to_bytes())
    assert loaded.spec == saved.spec
    assert loaded.activation == activation
    assert loaded.provenance == provenance
    ours, theirs = tensors_of(loaded), tensors_of(saved)
    assert set(ours) == set(theirs)
    for name in ours:
        assert ours[name].dtype == np.float32
        np.testing.assert_array_equal(ours[name], theirs[name])
    seen = observations(features=len(FEATURES[observation]))
    memory = None
    for _ in range(2):
        logits, memory = loaded.logits(seen, memory)
    np.testing.assert_array_equal(logits, saved.logits(seen, saved.logits(seen)[1])[0])
    assert loaded.to_bytes() == saved.to_bytes()


def test_saving_and_loading_a_file(tmp_path):
    path = tmp_path / "deep" / "controller.safetensors"
    saved = random_controller()
    saved.save(path)
    assert path.read_bytes() == saved.to_bytes()
    assert Controller.load(path).spec == SPEC
    assert Controller.load(str(path)).spec == SPEC


def test_the_layout_of_the_weights_in_memory_is_no_part_of_a_controller():
    plain = random_controller()
    layers = [(np.asfortranarray(weight), bias[::-1][::-1]) for weight, bias in plain.layers]
    assert Controller(SPEC, layers).to_bytes() == plain.to_bytes()
    lstm = random_lstm(np.random.default_rng(2), 15, 8)
    turned = LSTM(np.asfortranarray(lstm.weight_ih), np.asfortranarray(lstm.weight_hh), lstm.bias)
    layers = [(np.ones((3, 8), np.float32), np.ones(3, np.float32))]
    one, other = (Controller(SPEC, layers, lstm=memory) for memory in (lstm, turned))
    assert one.to_bytes() == other.to_bytes()
    np.testing.assert_array_equal(one.logits(observations())[0], other.logits(observations())[0])


def load_or_refuse(content):
    """A controller, or InputError; any other exception fails the test."""
    try:
        controller = Controller.from_bytes(content, "x.safetensors")
    except InputError as error:
        assert "x.safetensors" in str(error)
        assert "\n" not in str(error)
        return None
    with np.errstate(all="ignore"):  # weights may have become enormous
        seen, memory = observations(3, len(FEATURES[controller.spec.observation])), None
        for _ in range(2):
            actions, memory = controller.act(seen, memory)
            assert actions.shape == (3,)
    controller.to_bytes()
    return controller


@with_and_without_memory
@given(place=st.floats(0, 1, exclude_max=True))
@example(0.0)
@example(7 / len(CONTENT))
@example(8 / len(CONTENT))
@example((8 + HEADER_LENGTH) / len(CONTENT))
def test_a_truncated_file_is_an_input_error(content, place):
    with pytest.raises(InputError, match="damaged or not a controller file"):
        Controller.from_bytes(content[: int(place * len(content))])


@given(st.binary(max_size=200))
def test_random_bytes_are_an_input_error(content):
    assert load_or_refuse(content) is None


@given(st.binary(max_size=60).map(lambda b: struct.pack("<Q", len(b) + 1) + b"{" + b))
@example(struct.pack("<Q", 2) + b"{}")
@example(struct.pack("<Q", 21) + b'{"__metadata__":null}')
def test_a_broken_header_is_an_input_error(content):
    assert load_or_refuse(content) is None


@given(
    st.lists(st.tuples(st.integers(0, 8 + HEADER_LENGTH - 1), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_a_header_with_some_bytes_changed_is_a_controller_or_an_input_error(changes):
    content = bytearray(CONTENT)
    for place, value in changes:
        content[place] = value
    load_or_refuse(bytes(content))


@with_and_without_memory
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=20
    )
)
def test_a_file_with_some_bytes_changed_is_a_controller_or_an_input_error(content, changes):
    content = bytearray(content)
    for place, value in changes:
        content[place] = value
    load_or_refuse(bytes(content))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(
        [
            "observation",
            "features",
            "levels",
            "level_unit",
            "decisions",
            "safeguard",
            "activation",
            "provenance",
            "criterion",
            "strengths",
        ]
    ),
    json_values,
)
@example("levels", [0, 10**400, 3])
@example("levels", ["0", "0.1", "0.2"])
@example("decisions", float("inf"))
@example("decisions", 2.5)
@example("decisions", True)
@example("provenance", [1])
def test_a_header_of_wrong_values_is_a_controller_or_an_input_error(name, value):
    controller = load_or_refuse(forged({name: value}))
    if controller is not None:
        assert all(type(level) is float for level in controller.spec.levels.values)
        assert type(controller.spec.decisions) is int


THIRD = ["turn", "hold", "returning", "average"]


@pytest.mark.parametrize(("number", "without"), [(1, ["safeguard", *THIRD]), (2, THIRD)])
def test_a_file_of_an_older_format_has_what_all_had(number, without):
    older = Controller.from_bytes(forged(format=f"rlflood-controller/{number}", without=without))
    now = Controller.from_bytes(forged())
    assert older.spec == now.spec and older.spec.safeguard == Safeguard()
    assert (older.spec.turn, older.spec.hold, older.spec.average) == ("loss", Hold(), False)
    assert older.fingerprint == now.fingerprint
    assert older.to_bytes() == now.to_bytes()


@pytest.mark.parametrize(
    "other", [{"turn": "accuracy"}, {"hold": Hold(8, 0.5)}, {"average": True}], ids=lambda other: str(other)
)
def test_how_a_level_is_held_is_in_the_file_and_tells_controllers_apart(other):
    known = random_controller()
    changed = Controller(replace(known.spec, **other), known.layers, known.activation)
    assert Controller.from_bytes(changed.to_bytes()).spec == changed.spec
    assert changed.fingerprint != known.fingerprint


def test_criterion_and_strengths_are_in_the_file_and_only_where_there_are_some():
    known = random_controller()
    assert b"criterion" not in known.to_bytes() and b"strengths" not in known.to_bytes()
    robust = Controller(replace(known.spec, criterion="elr"), known.layers, known.activation)
    assert Controller.from_bytes(robust.to_bytes()).spec == robust.spec
    assert b"strengths" not in robust.to_bytes()
    spec = replace(known.spec, criterion="gce", strengths=(0.25, 1 / 3, 0.7))
    rng = np.random.default_rng(0)
    layer = rng.normal(size=(9, 16)).astype(np.float32), np.zeros(9, np.float32)
    both = Controller(spec, [layer])
    loaded = Controller.from_bytes(both.to_bytes())
    assert loaded.spec == spec and loaded.fingerprint == both.fingerprint
    seen = observations(features=16)
    np.testing.assert_array_equal(loaded.act(seen)[0], both.act(seen)[0])
    other = Controller(replace(spec, strengths=(0.25, 0.5, 0.7)), [layer])
    assert len({each.fingerprint for each in (known, robust, both, other)}) == 4
    with pytest.raises(ValueError, match="9 actions, its level set 3 levels at 2 strengths"):
        Controller(replace(spec, strengths=(0.25, 0.7)), [layer])


def test_files_of_before_decide_as_they_did():
    """The fingerprint of the shipped controller as version 3 of the format had it."""
    shipped = Controller.load(shipped_controllers()["default"])
    assert shipped.fingerprint == "8b36d4e271b91939"
    assert (shipped.spec.criterion, shipped.spec.strengths) == ("cross-entropy", ())
    older = Controller.from_bytes(forged(format="rlflood-controller/3"))
    assert older.fingerprint == Controller.from_bytes(forged()).fingerprint


def test_a_controller_that_returns_has_one_more_action():
    known = random_controller()
    with pytest.raises(ValueError, match="levels and the return"):
        Controller(replace(known.spec, returning=True), known.layers, known.activation)


def test_the_safeguard_is_in_the_file_and_tells_controllers_apart():
    other = Safeguard(rise=0.2, fraction=0.7, release=0.5, overshoot=2.0)
    known = random_controller()
    spec = replace(known.spec, safeguard=other)
    guarded = Controller(spec, known.layers, known.activation)
    assert Controller.from_bytes(guarded.to_bytes()).spec.safeguard == other
    assert guarded.fingerprint != known.fingerprint


@given(json_values)
def test_a_header_that_is_no_dictionary_is_an_input_error(value):
    content = save_tensors(tensors_of(random_controller()), {"controller": json.dumps(value)})
    assert load_or_refuse(content) is None


LARGE = np.zeros((9, 15), np.float32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (save_tensors({"a": np.zeros(3)}), "not a controller that this version reads: its format is None"),
        (forged(format="rlflood-controller/9"), "its format is 'rlflood-controller/9', expected"),
        (save_tensors({}, {"controller": "{"}), "its format is None"),
        (save_tensors({}, {"controller": "[" * 100_000}), "its format is None"),
        (save_tensors({}, {"controller": json.dumps({"format": FORMAT})}), "'levels' is missing"),
        (forged({"features": ["loss"]}), "it sees other features than this version observes"),
        (forged({"observation": "metrics"}), "it sees other features than this version observes"),
        (forged({"observation": "pixels"}), "unknown observation 'pixels'"),
        (forged(without=["levels"]), "'levels' is missing"),
        (forged(without=["decisions"]), "'decisions' is missing"),
        (forged({"decisions": 0}), "got decisions=0"),
        (forged({"levels": [0.0, 0.1]}), "the policy has 3 actions, its level set 2 levels"),
        (forged({"levels": [0.0, 0.2, 0.1]}), "rising"),
        (forged({"level_unit": "percent"}), "unknown level unit"),
        (forged({"activation": "gelu"}), "unknown activation 'gelu'"),
        (forged(without=["layers.1.bias"]), "tensors"),
        (forged(without=["layers.1.bias", "layers.1.weight"]), "tensors"),
        (forged(tensors={"more": np.zeros(3, np.float32)}), "tensors"),
        (forged(tensors={"layers.0.weight": LARGE}), "layer 0 has weights"),
        (forged(tensors={"layers.0.weight": np.zeros((8, 14), np.float32)}), "for 15 inputs"),
        (forged(tensors={"layers.0.weight": np.zeros(15, np.float32)}), "layer 0 has weights"),
        (forged(tensors={"layers.2.bias": np.array([0, np.nan, 0], np.float32)}), "not finite"),
        (forged(tensors={"layers.2.bias": np.array([0, np.inf, 0], np.float32)}), "not finite"),
        (forged(tensors={"layers.2.bias": np.zeros(3, np.int64)}), "float32"),
        (forged(tensors={"layers.2.bias": np.zeros(3)}), "float32"),
        (
            forged(tensors={"lstm.bias": np.zeros(20, np.float32)}),
            "for a memory, lstm.weight_ih, lstm.weight_hh",
        ),
        (
            forged(
                units=1,
                tensors={
                    "lstm.weight_ih": np.zeros((0, 15), np.float32),
                    "lstm.weight_hh": np.zeros((0, 0), np.float32),
                    "lstm.bias": np.zeros(0, np.float32),
                    "layers.0.weight": np.zeros((8, 0), np.float32),
                },
            ),
            "which do not fit",
        ),
        (forged(units=5, without=["lstm.weight_ih"]), "for a memory, lstm.weight_ih, lstm.weight_hh"),
        (forged(units=5, tensors={"lstm.more": np.zeros(3, np.float32)}), "its tensors are"),
        (
            forged(units=5, without=[f"layers.{n}.{p}" for n in range(3) for p in ("weight", "bias")]),
            "no layers",
        ),
        (
            forged(units=5, tensors={"lstm.bias": np.zeros(16, np.float32)}),
            "(20, 15), (20, 5), (16,), which do",
        ),
        (forged(units=5, tensors={"lstm.bias": np.zeros((20, 1), np.float32)}), "which do not fit"),
        (forged(units=5, tensors={"lstm.weight_hh": np.zeros((20, 4), np.float32)}), "which do not fit"),
        (forged(units=5, tensors={"lstm.weight_ih": np.zeros(20, np.float32)}), "which do not fit"),
        (
            forged(units=5, tensors={"lstm.weight_ih": np.zeros((20, 14), np.float32)}),
            "14 features of an obs",
        ),
        (forged(units=5, tensors={"lstm.weight_ih": np.zeros((20, 15))}), "float64, float32, float32, not"),
        (forged(units=5, tensors={"lstm.bias": np.full(20, np.nan, np.float32)}), "not finite"),
        (
            forged(units=5, tensors={"layers.0.weight": np.zeros((8, 15), np.float32)}),
            "(8, 15) and bias (8,) for 5",
        ),
        (forged({"strengths": "1"}), "its strengths are not numbers"),
        (forged({"strengths": [1, 2]}), "the cross-entropy has no strength"),
        (forged({"criterion": 5}), "there is no criterion 5"),
        (forged({"criterion": "elr", "strengths": [1, 2]}), "sees other features"),
        (forged({"decisions": 2.5}), "its decisions are 2.5, not a whole number"),
        (forged({"levels": ["0", "0.1", "0.2"]}), "its levels are not numbers"),
        (forged({"levels": [0, 0.1, 10**400]}), "too large"),
        (forged({"provenance": []}), "its provenance is not a table"),
        (forged(without=["safeguard"]), "'safeguard' is missing"),
        (forged({"safeguard": {"rise": 0.1}}), "not a table of fraction, overshoot, release, rise"),
        (forged({"safeguard": [0.1, 0.8, 0.6, 1.3]}), "not a table of fraction"),
        (forged({"safeguard": GUARD | {"rise": "0.1"}}), "its safeguard has values that are not numbers"),
        (forged({"safeguard": GUARD | {"rise": True}}), "its safeguard has values that are not numbers"),
        (forged({"safeguard": GUARD | {"overshoot": -1}}), "the safeguard's overshoot must be finite"),
        (forged({"safeguard": GUARD | {"release": float("nan")}}), "the safeguard's release must be finite"),
    ],
)
def test_what_is_wrong_is_told(content, message):
    with pytest.raises(InputError, match=r"^(the controller in )?x\.safetensors") as caught:
        Controller.from_bytes(content, "x.safetensors")
    assert message in str(caught.value)


def test_a_file_of_a_type_that_numpy_lacks_is_an_input_error():
    from safetensors.torch import save

    content = save({"layers.0.weight": torch.zeros(3, 15, dtype=torch.bfloat16)})
    assert load_or_refuse(content) is None


def test_no_file_a_folder_and_a_pickle_are_input_errors(tmp_path):
    with pytest.raises(
        InputError, match=r"there is no controller file .*missing\.safetensors: check the path"
    ):
        Controller.load(tmp_path / "missing.safetensors")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        Controller.load(tmp_path)
    torch.save({"weights": torch.zeros(3)}, tmp_path / "agent.zip")
    with pytest.raises(InputError, match="damaged or not a controller file"):
        Controller.load(tmp_path / "agent.zip")


# what it refuses


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no layers"):
        Controller(SPEC, [])
    with pytest.raises(ValueError, match="unknown activation"):
        random_controller(activation="gelu")
