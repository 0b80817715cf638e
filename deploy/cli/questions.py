"""Questions with a default, and choices from a list of any length. Pure but for the functions that read and show.

``Questions`` asks a user; ``Defaults`` takes the default of every question, for ``--yes``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deploy.errors import Aborted, DeployError

PAGE = 15
"""Choices that are shown at once, so that a list of hundreds does not scroll the question away."""

EVERYTHING = "*"
"""The answer that shows the whole list again."""


Refuse = Callable[[tuple[str, ...]], str]
"""Returns why values cannot be taken; an empty text if they can."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be chosen, and the title that explains it."""

    value: str
    title: str = ""

    def has(self, part: str) -> bool:
        """Return whether value or title contain a text, in whatever case."""
        return part.casefold() in f"{self.value}\n{self.title}".casefold()

    def __str__(self) -> str:
        """Return the value with its title."""
        return f"{self.value} ({self.title})" if self.title else self.value


@dataclass(frozen=True, slots=True)
class Question:
    """A question for one value or, if ``many``, for at least one.

    ``default``: values that are clear. ``suggestion``: a guess, which only a user confirms. A value that is not among
    the choices can be typed, too; if ``is_open``, every other text is such a value, and never a part of a choice.
    ``flag``: the flag that answers the question in advance.
    """

    text: str
    flag: str
    choices: Sequence[Choice] = ()
    default: tuple[str, ...] = ()
    suggestion: tuple[str, ...] = ()
    many: bool = False
    is_open: bool = False


class Asks(Protocol):
    """Answers questions."""

    def answer(self, question: Question, refuse: Refuse) -> tuple[str, ...]:
        """Return the values that answer a question, none of which is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks a user. ``read``: shows a prompt and returns a line, or None at its end. ``show``: prints a line."""

    read: Callable[[str], str | None]
    show: Callable[[str], None]

    def agree(self, question: str, *, default: bool) -> bool:
        """Ask a yes/no question until the answer is one of the two. Enter takes the default.

        Raises:
            Aborted: the input has ended.

        """
        while True:
            answer = self._line(f"{question} {'[Y/n]' if default else '[y/N]'} ").lower()
            if answer in {"", "y", "yes", "n", "no"}:
                return answer in {"y", "yes"} if answer else default
            self.show("please answer y or n")

    def answer(self, question: Question, refuse: Refuse) -> tuple[str, ...]:
        """Ask until the values can be taken. A text that is no value and no number shows the choices that contain it.

        Raises:
            Aborted: the input has ended.

        """
        default = suggested = question.default or question.suggestion
        listed = question.choices
        self._list(question, listed)
        while True:
            typed = self._line(f"{_prompt(question)}{_in_brackets(default)}: ")
            picked = _picked(question, listed, typed) if typed else default
            if not picked and (found := _matching(question, typed)):
                listed, default = found, (found[0].value,) if len(found) == 1 else suggested
                self._list(question, listed)
            elif not (picked or _words(question, typed)):
                self.show("an answer is needed")
            elif refusal := refuse(picked or _words(question, typed)):
                self.show(refusal)
            else:
                return picked or _words(question, typed)

    def _list(self, question: Question, listed: Sequence[Choice]) -> None:
        self.show(f"\n{question.text}:")
        page = listed[:PAGE]
        width = max((len(choice.value) for choice in page), default=0)
        for number, choice in enumerate(page, 1):
            self.show(f"{number:>4}  {choice.value:<{width}}  {choice.title}".rstrip())
        if rest := len(listed) - len(page):
            self.show(f"      and {rest} more: type a part of the name to see fewer")
        elif len(listed) < len(question.choices):
            self.show(f"      type {EVERYTHING} to see all {len(question.choices)}")

    def _line(self, prompt: str) -> str:
        line = self.read(prompt)
        if line is None:
            raise Aborted("no answer, and nothing was changed")
        return line


@dataclass(frozen=True, slots=True)
class Defaults:
    """Answers every question by its default, else by its only choice. ``faults``: what could not be answered so."""

    faults: list[str] = field(default_factory=list)

    def answer(self, question: Question, refuse: Refuse) -> tuple[str, ...]:
        """Return the default, or () if there is none.

        Raises:
            DeployError: the default cannot be taken.

        """
        only = (question.choices[0].value,) if len(question.choices) == 1 else ()
        picked = question.default or only
        if not picked:
            self.faults.append(f"{question.flag} cannot be guessed{_some(question.choices)}")
        elif refusal := refuse(picked):
            raise DeployError(refusal, where=question.flag)
        return picked


def _some(choices: Sequence[Choice], most: int = 5) -> str:
    """Return the first choices for an error message."""
    if not choices:
        return ""
    more = f" and {len(choices) - most} more" if len(choices) > most else ""
    return f", because there are {len(choices)}: {', '.join(map(str, choices[:most]))}{more}"


def _prompt(question: Question) -> str:
    if not question.choices:
        return "one or more, separated by commas" if question.many else "your answer"
    if question.is_open:
        return "number, or another text"
    return "numbers or ids, separated by commas" if question.many else "number, id or part of a name"


def _in_brackets(default: Sequence[str]) -> str:
    return f" [{', '.join(default)}]" if default else ""


def _words(question: Question, typed: str) -> tuple[str, ...]:
    """Return the values in an answer; only an answer for many values has separators."""
    words = re.split(r"[,\s]+", typed) if question.many else (typed,)
    return tuple(dict.fromkeys(word for word in words if word))


def _picked(question: Question, listed: Sequence[Choice], typed: str) -> tuple[str, ...]:
    """Return the values that an answer names by number or exactly; () if a part of it is neither."""
    values = {choice.value for choice in question.choices}
    numbered = {str(number): choice.value for number, choice in enumerate(listed[:PAGE], 1)}
    named = [word if word in values else numbered.get(word, "") for word in _words(question, typed)]
    return tuple(dict.fromkeys(named)) if all(named) else ()


def _matching(question: Question, typed: str) -> Sequence[Choice]:
    """Return the choices that contain a text, or all choices if they are asked for."""
    if not typed or question.is_open:
        return ()
    return question.choices if typed == EVERYTHING else [choice for choice in question.choices if choice.has(typed)]
