"""What is done where work fails: the clean-up, and the one error made of many."""

import pytest

from engines.errors import EngineRefused, ImpastoError
from engines.failures import any_failure_as, failure_of, on_failure


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)], ids=lambda error: repr(error))
def test_what_failed_is_cleaned_up_once_and_the_error_goes_on(error: BaseException) -> None:
    cleaned = list[str]()
    with pytest.raises(type(error)) as raised, on_failure(cleaned.append, "half a file"):
        raise error
    assert raised.value is error
    assert cleaned == ["half a file"]


def test_what_worked_is_left_alone() -> None:
    cleaned = list[str]()
    with on_failure(cleaned.append, "a whole file"):
        pass
    assert cleaned == []


def test_what_was_made_last_is_cleaned_up_first() -> None:
    cleaned = list[str]()
    with (
        pytest.raises(ValueError, match="no"),
        on_failure(cleaned.append, "outer"),
        on_failure(cleaned.append, "inner"),
    ):
        raise ValueError("no")
    assert cleaned == ["inner", "outer"]


def test_a_probe_tells_its_failure_and_lets_ctrl_c_through() -> None:
    error = ValueError("no such driver")

    def fail(error: BaseException) -> None:
        raise error

    assert failure_of(lambda: None) is None
    assert failure_of(lambda: fail(error)) is error
    with pytest.raises(KeyboardInterrupt):
        failure_of(lambda: fail(KeyboardInterrupt()))


def test_any_failure_becomes_one_kind_with_its_cause() -> None:
    with (
        pytest.raises(EngineRefused, match=r"^refused \(no\)$") as raised,
        any_failure_as(EngineRefused, lambda error: f"refused ({error})"),
    ):
        raise RuntimeError("no")
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_what_says_it_better_itself_goes_on_as_it_is() -> None:
    error = EngineRefused("too large")
    with pytest.raises(EngineRefused) as raised, any_failure_as(ImpastoError, str, but=ImpastoError):
        raise error
    assert raised.value is error
