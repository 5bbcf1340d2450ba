"""The report for people: a section for each subject, a mark for each line, the remedies together at the end."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from realtime.doctor.examination import Examination, Problem
from realtime.doctor.finding import Finding, State

MARKS = {State.YES: "✓", State.NO: "✗", State.ABSENT: "–", State.FACT: " "}
WORDS = {State.YES: "ok", State.NO: "BAD", State.ABSENT: "-", State.FACT: ""}
STYLES = {State.YES: "green", State.NO: "bold red", State.ABSENT: "dim", State.FACT: ""}
SUBJECT_COLUMNS = 15
MOST_LINES = 12  # of one section; what is wrong is always shown
PLAIN = str.maketrans({"–": "-", "×": "x", "…": "...", "±": "+-", "’": "'", "≥": ">="})


def as_text(examination: Examination, console: Console) -> str:
    """The report as wide as the console and in its colours; in ASCII words where it is no terminal or lacks signs."""
    signs = console.is_terminal and _can_say(console.encoding, "".join(MARKS.values()))
    with console.capture() as captured:
        for title, found in examination.sections.items():
            console.print(Text(title.capitalize(), style="bold"))
            console.print(Padding(_table(found, signs=signs), (0, 0, 1, 2)))
        console.print(_verdict(examination))
        for line in _problems(examination.problems):
            console.print(line)
    text = captured.get()
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines) if signs else "\n".join(lines).translate(PLAIN)


def _table(found: Sequence[Finding], *, signs: bool) -> Table:
    marks = MARKS if signs else WORDS
    table = Table.grid(padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, width=max(map(len, marks.values())))
    table.add_column(min_width=SUBJECT_COLUMNS)
    table.add_column(overflow="fold", ratio=1)
    shown = list(_shown(found))
    for finding in shown:
        text = Text(finding.text, style="dim" if finding.state is State.ABSENT else "")
        if finding.remedy and finding.state is State.ABSENT:
            text.append(f" ({finding.remedy})")
        table.add_row(Text(marks[finding.state], STYLES[finding.state]), Text(finding.subject), text)
    if len(shown) < len(found):
        table.add_row("", "", Text(f"and {len(found) - len(shown)} more; --json lists them all", "dim"))
    return table


def _shown(found: Sequence[Finding]) -> Iterator[Finding]:
    """The first lines, and of the others what is wrong."""
    return (finding for number, finding in enumerate(found) if number < MOST_LINES or finding.state is State.NO)


def _verdict(examination: Examination) -> Text:
    if not examination.can_paint:
        return Text("impasto cannot paint on this machine: no engine can run.", "bold red")
    return Text(f"impasto can paint on this machine, with {examination.engine}.", "bold green")


def _problems(problems: Sequence[Problem]) -> Iterator[Text | Table]:
    if not problems:
        yield Text("Nothing is amiss.")
        return
    count = len(problems)
    yield Text("One thing could be better:" if count == 1 else f"{count} things could be better:")
    table = Table.grid(padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold", ratio=1)
    for number, problem in enumerate(problems, start=1):
        table.add_row(f"{number}.", Text(problem.what))
        if problem.remedy:
            table.add_row("", Text(f"To do: {problem.remedy}", "bold"))
    yield table


def _can_say(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
