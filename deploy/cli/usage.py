"""What a verb tells the parser of itself: a sentence, its exit codes, its options and its own flags. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.cli.options import OPTIONS, Option


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a verb that is no setting. ``arguments`` are those of ``ArgumentParser.add_argument``."""

    name: str
    arguments: Mapping[str, Any]


YES = Flag("--yes", {"action": "store_true", "help": "agree beforehand to what up and down ask"})


@dataclass(frozen=True, slots=True)
class Usage:
    """How one verb is used.

    ``options``: the settings that mean something to it and so are flags of it. All others may still stand in
    deploy.toml or in the environment, which one file or shell gives to all verbs. ``is_resumable``: the verb changes
    something, and run again it finishes what an interruption left.
    """

    summary: str
    exit_codes: Mapping[int, str]
    options: tuple[Option, ...] = OPTIONS
    flags: tuple[Flag, ...] = ()
    is_resumable: bool = False

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The names of all flags that it takes."""
        return ("--config", "--json", *(flag.name for flag in self.flags), *(option.flag for option in self.options))

    @property
    def exit_codes_line(self) -> str:
        """The exit codes with their meanings, in one line."""
        return "   ".join(f"{code}: {meaning}" for code, meaning in self.exit_codes.items())
