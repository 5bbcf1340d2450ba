"""What to do where work fails: clean up after it, or make one error of all that a runtime may raise."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Found = TypeVar("Found")
Failure = TypeVar("Failure", bound=Exception)


@contextmanager
def on_failure(
    clean_up: Callable[Parameters, object], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Iterator[None]:
    """Calls `clean_up` where the block raises, Ctrl-C included, and lets the error go on."""
    with ExitStack() as stack:
        stack.callback(clean_up, *args, **kwargs)
        yield
        stack.pop_all()


def failure_of(probe: Callable[[], object]) -> Exception | None:
    """What the probe raised; None where it works."""
    try:
        probe()
    except Exception as error:  # a probe's border: drivers, compilers and runtimes fail in every possible way
        return error
    return None


def first_that_works(ways: Iterable[Callable[[], Found]], refusal: Callable[[Sequence[Exception]], Exception]) -> Found:
    """What the first of these gives that does not fail; where all do, raises what `refusal` makes of their errors."""
    errors = []
    for way in ways:
        try:
            return way()
        except Exception as error:  # a probe's border: packages are missing, too old, or refuse in their own way
            errors.append(error)
    raise refusal(errors)


@contextmanager
def failure_as(
    kind: Callable[[str], Exception], told: Callable[[Failure], str], *errors: type[Failure]
) -> Iterator[None]:
    """Makes a `kind` of these errors in the block, with the line that `told` makes of each; others go on."""
    try:
        yield
    except errors as error:
        raise kind(told(error)) from error


@contextmanager
def any_failure_as(
    kind: Callable[[str], Exception],
    told: Callable[[Exception], str],
    *,
    but: type[Exception] | tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Makes a `kind` of whatever the block raises, with the line that `told` makes of it; what is a `but` goes on."""
    try:
        yield
    except Exception as error:  # a probe's border: the errors of runtimes share no class but Exception
        if isinstance(error, but):
            raise
        raise kind(told(error)) from error
