"""Questions and choices, with the lines that a user types and the lines that are shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from deploy.cli.questions import PAGE, Choice, Defaults, Question, Questions
from deploy.errors import Aborted, DeployError

PROJECTS = (Choice("acme-prod", "Acme"), Choice("acme-test", "Acme, tests"), Choice("beta-lab", "Laboratory"))
MANY = tuple(Choice(f"project-{number:03}", f"Building {number}") for number in range(1, 401))
ONE = Question("Google Cloud project", "--project", PROJECTS)


def accept(values: tuple[str, ...]) -> str:
    """Refuse nothing."""
    del values
    return ""


@dataclass
class Typist:
    """A user who types these lines, and then Ctrl-D. ``shown``: all lines and prompts, in order."""

    lines: Sequence[str]
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the first line."""
        self._left: Iterator[str] = iter(self.lines)

    def read(self, prompt: str) -> str | None:
        """Show a prompt, and return the next line."""
        self.shown.append(prompt)
        return next(self._left, None)

    @property
    def questions(self) -> Questions:
        """The questions that this user answers."""
        return Questions(self.read, self.shown.append)


def answer(question: Question, *lines: str) -> tuple[str, ...]:
    return Typist(lines).questions.answer(question, accept)


@pytest.mark.parametrize(
    ("line", "chosen"),
    [("1", "acme-prod"), ("3", "beta-lab"), ("acme-test", "acme-test")],
    ids=["the first number", "the last number", "the value itself"],
)
def test_a_choice_is_made_by_its_number_or_its_value(line: str, chosen: str) -> None:
    assert answer(ONE, line) == (chosen,)


def test_enter_takes_the_default_which_the_prompt_shows() -> None:
    user = Typist([""])
    assert user.questions.answer(replace(ONE, default=("acme-test",)), accept) == ("acme-test",)
    assert user.shown[-1] == "number, id or part of a name [acme-test]: "


def test_enter_takes_a_suggestion_only_if_there_is_no_default() -> None:
    suggesting = replace(ONE, suggestion=("beta-lab",))
    assert answer(suggesting, "") == ("beta-lab",)
    assert answer(replace(suggesting, default=("acme-prod",)), "") == ("acme-prod",)


def test_enter_without_a_default_asks_again() -> None:
    user = Typist(["", "2"])
    assert user.questions.answer(ONE, accept) == ("acme-test",)
    assert "an answer is needed" in user.shown


def test_a_part_of_a_name_shows_the_choices_that_contain_it_with_numbers_of_their_own() -> None:
    user = Typist(["ACME", "2"])
    assert user.questions.answer(ONE, accept) == ("acme-test",)
    assert user.shown[-4:-1] == ["   1  acme-prod  Acme", "   2  acme-test  Acme, tests", "      type * to see all 3"]


def test_a_part_of_a_title_is_found_too_and_enter_takes_the_only_choice_left() -> None:
    user = Typist(["labo", ""])
    assert user.questions.answer(replace(ONE, default=("acme-prod",)), accept) == ("beta-lab",)
    assert user.shown[-1] == "number, id or part of a name [beta-lab]: "


def test_a_star_shows_everything_again_with_the_first_default() -> None:
    assert answer(replace(ONE, default=("acme-prod",)), "lab", "*", "") == ("acme-prod",)


def test_a_list_of_hundreds_is_shown_in_part_and_every_entry_can_be_reached() -> None:
    user = Typist(["building 37", "2"])
    assert user.questions.answer(replace(ONE, choices=MANY), accept) == ("project-370",)
    first, second = (shown for shown in user.shown if "more: type a part" in shown or "type *" in shown)
    assert first == f"      and {400 - PAGE} more: type a part of the name to see fewer"
    assert second == "      type * to see all 400"
    assert len(user.shown) < 2 * (PAGE + 4)


def test_a_value_that_is_in_no_list_can_be_typed() -> None:
    assert answer(ONE, "gamma-7") == ("gamma-7",)


def test_without_a_list_a_text_is_asked_for() -> None:
    user = Typist(["gamma-7"])
    assert user.questions.answer(replace(ONE, choices=()), accept) == ("gamma-7",)
    assert user.shown == ["\nGoogle Cloud project:", "your answer: "]


def test_a_new_value_of_an_open_question_may_be_a_part_of_a_choice() -> None:
    assert answer(replace(ONE, is_open=True), "acme") == ("acme",)


@pytest.mark.parametrize("line", ["1,3", "1 3", "acme-prod, 3", "3,1,3"])
def test_several_choices_are_separated_by_commas_or_blanks_and_count_once(line: str) -> None:
    assert set(answer(replace(ONE, many=True), line)) == {"acme-prod", "beta-lab"}


def test_a_part_of_a_name_with_a_blank_is_found_also_if_several_can_be_chosen() -> None:
    assert answer(replace(ONE, many=True), "acme, te", "1") == ("acme-test",)


def test_a_refused_answer_says_why_and_is_asked_for_again() -> None:
    user = Typist(["1", "2"])

    def refuse(values: tuple[str, ...]) -> str:
        return "billing is off" if values == ("acme-prod",) else ""

    assert user.questions.answer(ONE, refuse) == ("acme-test",)
    assert "billing is off" in user.shown


def test_the_end_of_the_input_changes_nothing_and_says_so() -> None:
    with pytest.raises(Aborted, match="nothing was changed"):
        answer(ONE)


@pytest.mark.parametrize(
    ("lines", "default", "agreed"),
    [(["y"], False, True), (["YES"], False, True), (["n"], True, False), ([""], True, True), ([""], False, False)],
)
def test_a_yes_or_no_question_takes_enter_for_its_default(lines: list[str], default: bool, agreed: bool) -> None:  # noqa: FBT001  # parameters of a test
    assert Typist(lines).questions.agree("Go on?", default=default) is agreed


def test_a_yes_or_no_question_is_asked_until_it_is_answered() -> None:
    user = Typist(["what?", "n"])
    assert user.questions.agree("Go on?", default=True) is False
    assert user.shown == ["Go on? [Y/n] ", "please answer y or n", "Go on? [Y/n] "]


def test_defaults_take_a_default_or_the_only_choice_and_no_suggestion() -> None:
    defaults = Defaults()
    assert defaults.answer(replace(ONE, default=("beta-lab",)), accept) == ("beta-lab",)
    assert defaults.answer(replace(ONE, choices=PROJECTS[:1]), accept) == ("acme-prod",)
    assert defaults.faults == []
    assert defaults.answer(replace(ONE, suggestion=("beta-lab",)), accept) == ()
    listed = "acme-prod (Acme), acme-test (Acme, tests), beta-lab (Laboratory)"
    assert defaults.faults == [f"--project cannot be guessed, because there are 3: {listed}"]


def test_an_error_about_hundreds_of_choices_names_the_first_and_their_number() -> None:
    defaults = Defaults()
    defaults.answer(replace(ONE, choices=MANY), accept)
    assert "there are 400: project-001" in defaults.faults[0]
    assert defaults.faults[0].endswith("project-005 (Building 5) and 395 more")


def test_a_default_that_is_refused_is_an_error_with_its_flag() -> None:
    with pytest.raises(DeployError, match="--project: billing is off"):
        Defaults().answer(replace(ONE, default=("acme-prod",)), lambda _: "billing is off")
