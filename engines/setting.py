"""What is told of a setting, once, beside the field that holds it: its help, its bounds, its names, how it is typed."""

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, fields
from math import isfinite
from typing import Any, get_type_hints

from engines.errors import BadValue

Names = tuple[str, ...] | Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Setting:
    """Stands in a field's annotation: `steps: Annotated[int, Setting("Length of the run.", least=1)] = 20_000`.

    `least` and `most` bound a number, and each number of a tuple. What is none of `choices` is refused; `suggestions`
    are only offered. Where it takes time to know such names, a function gives them. On the command line `options` are
    the option's names where the field's own will not do, `written` shows how a value is typed, `group` is the heading,
    and a setting `by_place` has no option and is given by its place. The values of a tuple are typed one by one, each
    with the option's name before it, or with commas between where `in_one_word`; one that is `needed` is not empty.
    """

    help: str
    _: KW_ONLY
    group: str | None = None
    least: float | None = None
    most: float | None = None
    choices: Names = ()
    suggestions: Names = ()
    written: str | None = None
    options: tuple[str, ...] = ()
    by_place: bool = False
    in_one_word: bool = False
    needed: bool = False


def settings_of(holder: type[Any]) -> dict[str, tuple[Any, Setting]]:
    """The type and the Setting of every field that has one, in the dataclass's order."""
    hints = get_type_hints(holder, include_extras=True)
    told = {field.name: getattr(hints[field.name], "__metadata__", ()) for field in fields(holder)}
    return {name: (hints[name].__origin__, said[0]) for name, said in told.items() if said}


def refuse_unknown(holder: type[Any], values: Iterable[str], what: str) -> None:
    """ValueError where a value has none of the dataclass's fields, as one that a newer version wrote may have none."""
    known = {field.name for field in fields(holder)}
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown {what} settings {unknown}; this version knows {sorted(known)}")


def check_settings(holder: Any) -> None:
    """BadValue, in one line, where a number is out of its bounds or a name is none of its choices."""
    for name, (_, setting) in settings_of(type(holder)).items():
        check_setting(name, getattr(holder, name), setting)


def check_setting(name: str, value: Any, setting: Setting) -> None:
    """The same for one value, or each of a tuple, which is not empty where it is needed; None passes."""
    if setting.needed and value is not None and not value:
        raise BadValue(f"{name} is empty; give {setting.written or 'one at least'}")
    for each in value if isinstance(value, (tuple, list)) else (value,):
        if each is not None:
            _check(name, each, setting)


def bounds_of(setting: Setting) -> str:
    """`0<=x<=1`, for a help; empty where there are none."""
    least = "" if setting.least is None else f"{setting.least:g}<="
    most = "" if setting.most is None else f"<={setting.most:g}"
    return f"x>={setting.least:g}" if least and not most else f"{least}x{most}" if most else ""


def as_typed(holder: Any) -> list[str]:
    """The words of a command line that gives these settings: what is not the default, but nothing `by_place`."""
    words: list[str] = []
    defaults = {field.name: field.default for field in fields(holder)}
    for name, (_, setting) in settings_of(type(holder)).items():
        value, option = getattr(holder, name), spelled(name, setting)
        if setting.by_place or value == defaults[name]:
            continue
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [word for each in _values(value, setting) for word in (option, each)]
    return words


def spelled(name: str, setting: Setting | None = None) -> str:
    """A field's option: `--keep-colour`."""
    return setting.options[0] if setting and setting.options else f"--{name.replace('_', '-')}"


def _values(value: Any, setting: Setting) -> list[str]:
    if not isinstance(value, tuple):
        return [_written(value)]
    return [",".join(map(_written, value))] if setting.in_one_word else list(map(_written, value))


def _written(value: Any) -> str:
    """`640x360` for a size, and a number without what it does not need."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def named(names: Names) -> tuple[str, ...]:
    """All of them, asked for where a function knows them."""
    return names if isinstance(names, tuple) else tuple(names())


def listed(names: tuple[str, ...]) -> str:
    """`content, noise or net`"""
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _check(name: str, value: Any, setting: Setting) -> None:
    if setting.choices and value not in named(setting.choices):
        raise BadValue(f"{name} is {value!r}; choose {listed(named(setting.choices))}")
    least, most = setting.least, setting.most
    if least is None and most is None:
        if isinstance(value, float) and not isfinite(value):
            raise BadValue(f"{name} is {value}; give a number")
        return
    if not isfinite(value) or (least is not None and value < least) or (most is not None and value > most):
        raise BadValue(f"{name} is {value}; give {_bounds(least, most)}")


def _bounds(least: float | None, most: float | None) -> str:
    if least is None or most is None:
        return f"at most {most:g}" if least is None else f"a number of at least {least:g}"
    return f"{least:g} to {most:g}"
