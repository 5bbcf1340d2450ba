"""What a check finds: one line for people, and the same in figures for programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """YES works, NO should and does not, ABSENT is not here and need not be, FACT is neither good nor bad."""

    YES = "yes"
    NO = "no"
    ABSENT = "absent"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and what to do about it where something can be done.

    `facts` holds what JSON can hold.
    """

    subject: str
    state: State
    text: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "state": self.state.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Finding":
        """What `as_dict` gave."""
        return cls(**{**values, "state": State(values["state"])})


def missing(
    subject: str,
    error: Exception | str,
    state: State = State.ABSENT,
    facts: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding for one of our errors, which say what is wrong and after a semicolon what to do."""
    text = " ".join(str(error).split())
    what, _, remedy = text.partition("; ")
    return Finding(subject, state, what, remedy, facts or {})
