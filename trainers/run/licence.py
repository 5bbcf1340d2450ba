"""Under which licence a net is that was made of others: with their weights, or by painting as they do."""

from collections.abc import Mapping, Sequence
from typing import Any

OURS, AND = "CC0-1.0", " and "


def licence_of(said: str, history: Sequence[Mapping[str, Any]], followed: str = "") -> str:
    """What was said; else that of the net that the weights come from and of the one that they followed; else ours.

    `history` are the runs before, the first one first. Of a run whose checkpoint does not tell its licence is known
    what was said then.
    """
    if said:
        return said
    earlier = [run.get("licence") or run.get("settings", {}).get("licence") for run in reversed(history)]
    return of_both(next(filter(None, earlier), ""), followed) or OURS


def of_both(one: str, other: str) -> str:
    """Where they are two, both hold, but ours asks for nothing; empty where nobody asks."""
    licences = [each for told in (one, other) for each in told.split(AND)]
    return AND.join(dict.fromkeys(each for each in licences if each not in ("", OURS)))
