"""What the flags of ``backfill`` ask for, how its resume file is found, and the command that goes on with a run."""

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import floor
from pathlib import Path
from typing import Any

from deploy.cli.options import EVENT_TYPES, MAX_NAME
from deploy.context import Context
from deploy.dt.history import LAG_S
from deploy.errors import DeployError, InvalidOptions
from deploy.program import PROGRAM
from deploy.repair.backfill.backfiller import Target
from deploy.repair.backfill.resume_file import OTHER_FILE, ResumeFile, changed, read_resume_file, require_writable
from deploy.times import moment, utc
from deploy.verbs.applying import deployment_flags
from deploy.verbs.arrivals import faults_of
from deploy.verbs.event_flags import faults_of_types, faults_of_window, number, read_flag
from deploy.verbs.republishing import DEFAULT_RATE, MAX_RATE

TWICE = "add --resume=FILE from the start to remember what was sent; without it, it comes a second time"


@dataclass(frozen=True, slots=True)
class Options:
    """What the flags ask for. ``file``: None without --resume.

    ``deployment``: the flags that say which deployment is meant, as the user wrote them.
    ``place``: the flags of --missing-only and of the place that it reads; empty without it.
    ``start`` and ``end``: unix seconds; ``since`` and ``until``: as the user wrote them. ``rate``: events per second.
    """

    since: str
    until: str
    start: float
    end: float
    devices: tuple[str, ...]
    types: tuple[str, ...]
    place: tuple[str, ...]
    rate: int
    file: Path | None
    is_dry: bool
    deployment: tuple[str, ...] = ()

    @property
    def window(self) -> dict[str, str]:
        """The window with its milliseconds."""
        return {"from": utc(self.start, "milliseconds"), "to": utc(self.end, "milliseconds")}

    def to_go_on(self, done: Collection[str]) -> tuple[str, ...]:
        """Return how to go on with this run. ``done``: the devices whose events are all on the main topic.

        With a resume file, the flags have to stay as they are; without one, a time such as ``2h`` would be another.
        Without a file, there is nothing to go on with if all named devices are done.
        """
        if not self.file and self.devices and set(self.devices) <= set(done):
            return ()
        bounds = {"from": self.since, "to": self.until} if self.file else self.window
        words = [f"--{name}={text}" for name, text in bounds.items()]
        words += [f"--device={device}" for device in self.devices if self.file or device not in done]
        words += [*(f"--type={event_type}" for event_type in self.types), *self.place]
        words += ["--any-type"] if not set(self.types) <= set(EVENT_TYPES) else []
        words += [f"--rate={self.rate}"] if self.rate != DEFAULT_RATE else []
        words += [f"--resume={self.file}"] if self.file else []
        words += [*(["--dry-run"] if self.is_dry else []), *self.deployment]
        command = f"{PROGRAM} backfill {shlex.join(words)}"
        return (command,) if self.file or self.is_dry else (command, TWICE)


def options_of(context: Context) -> Options:
    """Return what the flags ask for.

    Raises:
        InvalidOptions: some of them are invalid; it has every fault.

    """
    flags, faults, latest = context.flags, list[str](), context.now() - LAG_S
    if not flags.since:
        faults.append(f"--from: is required, such as --from={utc(context.now() - 3600)} or --from=2h")
    at = partial(moment, now=context.now())
    start = read_flag(faults, "--from", flags.since or None, at) or 0.0
    end = read_flag(faults, "--to", flags.until or "now", at) or 0.0
    if not faults:
        faults += faults_of_window(start, end) or _faults_of_lag(start, latest)
    devices, types = (tuple(dict.fromkeys(given or ())) for given in (flags.device, flags.type))
    faults += [f"--device: {one[:MAX_NAME]!r} is not a device's id" for one in devices if not re.fullmatch(r"\w+", one)]
    faults += [*faults_of_types(flags), *faults_of(flags)]
    place = tuple(f"--{name}={value}" for name in ("subscription", "table") if (value := getattr(flags, name)))
    if place and not flags.missing_only:
        faults.append(f"{place[0].partition('=')[0]}: needs --missing-only")
    place = ("--missing-only", *place) if flags.missing_only else ()
    rate = read_flag(faults, "--rate", flags.rate or None, partial(number, most=MAX_RATE)) or DEFAULT_RATE
    if faults:
        raise InvalidOptions(faults, fix=[f"{PROGRAM} backfill --help"])
    if end > latest:
        context.terminal.info(f"note: the window ends at {utc(latest)}: DT's history may lack later events yet")
    start, end = (floor(at * 1000) / 1000 for at in (start, min(end, latest)))
    file = Path(flags.resume) if flags.resume else None
    return Options(
        flags.since,
        flags.until or "now",
        start,
        end,
        devices,
        types,
        place,
        rate,
        file,
        flags.dry_run,
        deployment_flags(flags),
    )


def _faults_of_lag(start: float, latest: float) -> list[str]:
    """Return what is wrong with a window that begins too late for DT's history. ``latest``: the last possible end."""
    what = f"is not at least {LAG_S:.0f} s ago: DT's history may not have the newest events yet, so wait a moment"
    return [] if start < latest else [f"--from: {utc(start)} {what}"]


def opened(options: Options) -> ResumeFile | None:
    """Return the resume file as an earlier run has left it, or None. One that cannot be used is found out here, first.

    Raises:
        DeployError: it cannot be read, or cannot be written and this is no dry run.

    """
    if options.file and not options.is_dry:
        require_writable(options.file)
    return read_resume_file(options.file) if options.file else None


def resumed(
    context: Context, options: Options, targets: Mapping[str, Target], found: ResumeFile | None
) -> tuple[Options, ResumeFile]:
    """Return the options with the window of the resume file, if there is one, and what is done.

    ``targets``: what the connector of each DT project sends. ``found``: what an earlier run has left. A dry run does
    not write the file.

    Raises:
        DeployError: the file is of another backfill.

    """
    asked = _asked(context, options, targets)
    path = None if options.is_dry else options.file
    if found is None:
        return options, ResumeFile(path, asked)
    of_file = found.asked
    others = [f"{name} {of_file.get(name)}, not {asked[name]}" for name in asked if of_file.get(name) != asked[name]]
    others = [text for text in others if not text.startswith("window ")]
    if others:
        what = f"is of another backfill: {'; '.join(others)}"
        raise DeployError(what, where=str(options.file), fix=[OTHER_FILE])
    start, end = _window(context, found)
    if found.is_finished:
        _say_that_it_is_finished(context, replace(options, start=start, end=end))
    context.terminal.info(f"going on with {options.file}")
    return replace(options, start=start, end=end), ResumeFile(path, of_file, found.places)


def _say_that_it_is_finished(context: Context, options: Options) -> None:
    """Say that the run of the resume file is finished.

    Raises:
        DeployError: its window is given by relative times: the user may mean a later one.

    """
    what, now = f"the run of this file, for {utc(options.start)} to {utc(options.end)}, is finished", context.now()
    if any(moment(text, now) != moment(text, now - 60) for text in (options.since, options.until)):
        fix = "delete it, or name another file by --resume, to begin anew"
        raise DeployError(what, where=str(options.file), fix=[fix])
    context.terminal.info(f"note: {what}: only devices that are new are read")


def _window(context: Context, file: ResumeFile) -> tuple[float, float]:
    try:
        start, end = (moment(file.asked["window"][name], context.now()) for name in ("from", "to"))
    except (KeyError, TypeError, ValueError):
        raise changed(file.path or Path()) from None
    return start, end


def _asked(context: Context, options: Options, targets: Mapping[str, Target]) -> dict[str, Any]:
    """Return what tells one backfill from another, and its window.

    The types and labels of the connectors are part of it: events of a new type are between those that were sent.
    """
    types = {f"types of {project}": sorted(target.types) for project, target in targets.items()}
    labels = {f"labels of {project}": sorted(target.labels) for project, target in targets.items()}
    return {
        "project": context.spec.google_project,
        "region": context.spec.region,
        "deployment": context.spec.name,
        "topic": context.spec.topic,
        "dtProjects": sorted(context.spec.dt_projects),
        "from": options.since,
        "to": options.until,
        "devices": sorted(options.devices),
        "types": sorted(options.types),
        **types,
        **labels,
        "place": list(options.place),
        "window": options.window,
    }
