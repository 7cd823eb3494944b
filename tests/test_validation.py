import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rlflood.errors import InputError
from rlflood.validation import validated


class Inner(BaseModel):
    size: int = 1


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    count: int = 0
    inner: Inner = Inner()
    share: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> "Model":
        if self.count == 13:
            raise ValueError("13 brings bad luck: take 12")
        return self


def message(values):
    with pytest.raises(InputError) as caught:
        validated(Model, values, "file x.toml")
    return str(caught.value)


def test_good_values_become_a_model():
    assert validated(Model, {"name": "a", "count": "3"}, "x") == Model(name="a", count=3)


def test_a_missing_key_is_named_without_a_value():
    assert message({}) == "file x.toml: name: Field required"


def test_an_unknown_key_is_told_what_there_is():
    assert (
        message({"name": "a", "cuont": 3})
        == "file x.toml: cuont: no such key; did you mean count? there are count, inner, name, share"
    )
    assert message({"name": "a", "zzz": 3}).endswith("zzz: no such key; there are count, inner, name, share")


def test_a_wrong_value_is_shown():
    text = message({"name": "a", "count": "many"})
    assert text.startswith("file x.toml: count: Input should be a valid integer")
    assert text.endswith("(given: 'many')")


def test_a_share_in_percent_is_told_what_it_would_be():
    assert message({"name": "a", "share": 20}).endswith("(given: 20; a share: 20 % is 0.2)")
    for wrong in (-1, 250, 1, 1.5, "a lot"):
        assert " % is " not in message({"name": "a", "share": wrong})


def test_a_key_inside_another_is_shown_with_its_path():
    assert message({"name": "a", "inner": {"size": None}}).startswith("file x.toml: inner.size: ")


def test_a_rule_on_the_whole_speaks_for_itself():
    assert message({"name": "a", "count": 13}) == "file x.toml: the whole: 13 brings bad luck: take 12"


def test_several_problems_come_in_one_message():
    assert message({"count": "x"}).count("; ") == 1


def test_pydantic_does_not_show_in_the_traceback():
    with pytest.raises(InputError) as caught:
        validated(Model, {}, "x")
    assert caught.value.__suppress_context__
