"""How a verb is used: its summary, its exit codes, its options and its own flags. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.cli.options import MANDATORY, OPTIONS, Option


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a verb that is not a setting. ``arguments``: the arguments for ``ArgumentParser.add_argument``."""

    name: str
    arguments: Mapping[str, Any]


YES = Flag("--yes", {"action": "store_true", "help": "do not ask for confirmation"})


@dataclass(frozen=True, slots=True)
class Usage:
    """How one verb is used.

    ``options``: the settings that the verb uses, which are its flags. deploy.toml and the environment may have other
    settings, because all verbs share them. ``is_resumable``: if the verb is interrupted, running it again finishes
    the rest. ``needs_settings``: it cannot begin without the mandatory settings. ``offers_init``: if these are missing,
    it offers on a terminal to run ``init`` first. ``prints_json_lines``: with ``--json``, every document has one line.
    ``may_reach_dt``: it calls DT if there are credentials, and never asks for them.
    """

    summary: str
    exit_codes: Mapping[int, str]
    options: tuple[Option, ...] = OPTIONS
    flags: tuple[Flag, ...] = ()
    is_resumable: bool = False
    needs_settings: bool = True
    offers_init: bool = False
    prints_json_lines: bool = False
    may_reach_dt: bool = False

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The names of all flags of the verb."""
        return ("--config", "--json", *(flag.name for flag in self.flags), *(option.flag for option in self.options))

    @property
    def mandatory(self) -> frozenset[str]:
        """The places of the settings that the verb uses and cannot do without."""
        return MANDATORY & {option.place for option in self.options}

    @property
    def reaches_dt(self) -> bool:
        """Whether the verb calls DT, so that it needs DT's credentials."""
        return "dt_projects" in self.mandatory

    @property
    def exit_codes_line(self) -> str:
        """The exit codes with their meanings, in one line."""
        return "   ".join(f"{code}: {meaning}" for code, meaning in self.exit_codes.items())
