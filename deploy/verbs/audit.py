"""``audit``: prove for a time window that every event of DT's has arrived on the main topic, or say which have not."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

from deploy.cli.options import WHICH_HISTORY
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.dt.history import KEPT_S
from deploy.errors import InvalidOptions
from deploy.program import PROGRAM
from deploy.repair.arrived.arrivals import Window
from deploy.repair.arrived.places import Arrived, Reading
from deploy.repair.audit.auditing import Auditor, Wanted
from deploy.repair.audit.findings import Findings, cell_as_json, gap_as_json, table
from deploy.repair.audit.heat_map import Picture, heat_map, shown_devices
from deploy.repair.audit.ledger import Ledger
from deploy.repair.audit.png import png
from deploy.repair.audit.svg import svg
from deploy.times import MOMENT, moment, utc
from deploy.verbs.arrivals import SUBSCRIPTION, TABLE, faults_of, place_of, reading_of
from deploy.verbs.event_flags import ANY_TYPE, DEVICE, TYPE, faults_of_types, faults_of_window, read_flag
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNMET

DEFAULT_FROM = "24h"
MAX_ROWS = 40
"""Rows of the table on the screen; ``--json`` has all."""

PICTURES: Mapping[str, Callable[[Picture], bytes]] = {".svg": svg, ".png": png}
"""What --picture writes, by the end of the file's name."""

EXAMPLES = 3
"""Ids of events that are only on the main topic for no known reason."""

FLAGS = (
    Flag("--from", {"metavar": "TIME", "dest": "since", "help": f"begin of the window: {MOMENT} (default: 24h)"}),
    Flag("--to", {"metavar": "TIME", "dest": "until", "help": "its end (default: now)"}),
    DEVICE,
    TYPE,
    ANY_TYPE,
    SUBSCRIPTION,
    Flag(
        "--acknowledge",
        {"action": "store_true", "help": "with --subscription: acknowledge the messages up to the window's end"},
    ),
    TABLE,
    Flag("--picture", {"metavar": "FILE", "help": "write a heat map, devices by hours, to FILE.svg or FILE.png"}),
)

USAGE = Usage(
    "prove that every event of DT's has arrived, or list those that have not",
    {
        NOTHING_TO_DO: "every event is on the main topic",
        UNMET: "some are missing or only rejected",
        FAILED: "error, or not all was read",
    },
    options=WHICH_HISTORY,
    flags=FLAGS,
    prints_json_lines=True,
)


@dataclass(frozen=True, slots=True)
class _Options:
    """What the flags ask for. ``picture``: None without --picture."""

    window: Window
    wanted: Wanted
    picture: Path | None


def run(context: Context) -> int:
    """Compare DT's history with what arrived, show the result, and return the exit code.

    Raises:
        DeployError: one of the two could not be read.

    """
    options = _options(context)
    ledger, reading = Ledger(options.window), reading_of(context, options.window)
    with closing(ledger), place_of(context, reading, acknowledges=context.flags.acknowledge) as arrived:
        findings = _read(context, options, ledger, reading, arrived)
        _show(context, findings, ledger)
        if options.picture:
            _draw(context, options.picture, findings, ledger)
    if findings.unread:
        return FAILED
    return NOTHING_TO_DO if findings.is_complete else UNMET


def _read(context: Context, options: _Options, ledger: Ledger, reading: Reading, arrived: Arrived) -> Findings:
    """Fill the ledger, and return what it says."""
    terminal, began_at = context.terminal, context.now()
    auditor = Auditor(ledger, options.window, options.wanted, terminal.state)
    if options.window.start < began_at - KEPT_S:
        kept_from = utc(began_at - KEPT_S)
        terminal.info(
            f"note: DT keeps events for {KEPT_S / 86_400:.0f} days: there may be none from before {kept_from}"
        )
    terminal.info(f"reading DT's history of {options.window.text()}")
    auditor.read_history(context.history, context.spec.dt_projects)
    terminal.info(f"reading what arrived from {arrived.name}, and what was rejected")
    read_at = context.now()
    is_read = auditor.read_arrived(reading, arrived)
    ledger.judge(read_at - arrived.young_s)
    extras = ledger.extras(began_at)
    return Findings(
        window=options.window,
        source=arrived.name,
        read_at=read_at,
        devices=len(ledger.devices()),
        totals=ledger.totals(),
        dt_doubles=ledger.dt_doubles,
        extras=extras,
        examples={why: ledger.examples(why, began_at, EXAMPLES) for why in extras},
        rejected=ledger.reasons() if is_read else None,
        unnamed=auditor.unnamed,
        untimed=auditor.untimed,
        unread=auditor.unread,
        first_published=ledger.first_published(),
    )


def _show(context: Context, findings: Findings, ledger: Ledger) -> None:
    """Show the result: as lines of JSON with every event that lacks, or as a table and a summary."""
    terminal = context.terminal
    context.report.audited = findings.as_json()
    if context.flags.json:
        for cell in ledger.cells():
            terminal.as_json(cell_as_json(cell), is_one_line=True)
        for gap in ledger.gaps():
            terminal.as_json(gap_as_json(gap), is_one_line=True)
        return
    rows, left_out = table(ledger.cells(), MAX_ROWS)
    terminal.grid(rows)
    if left_out:
        terminal.print(f"{left_out:,} rows more: --json has all, with every missing event")
    for line in findings.lines():
        terminal.print(line)
    window_flags = f"--from={utc(findings.window.start)} --to={utc(ceil(findings.window.end))}"
    for line in findings.fixes(window_flags):
        terminal.print(f"  fix: {line}")


def _draw(context: Context, path: Path, findings: Findings, ledger: Ledger) -> None:
    devices = ledger.devices()
    shown = [device.device for device in shown_devices(devices)]
    picture = heat_map(findings.window, devices, ledger.cells(shown), findings.totals)
    path.write_bytes(PICTURES[path.suffix](picture))
    context.terminal.info(f"wrote {path}")


def _options(context: Context) -> _Options:
    """Return what the flags ask for.

    Raises:
        InvalidOptions: some of them are invalid; it has every fault.

    """
    flags, faults, now = context.flags, list[str](), context.now()
    at = partial(moment, now=now)
    start = read_flag(faults, "--from", flags.since or DEFAULT_FROM, at) or 0.0
    end = min(read_flag(faults, "--to", flags.until or "now", at) or 0.0, now)
    faults += [*([] if faults else faults_of_window(start, end)), *faults_of_types(flags), *faults_of(flags)]
    if flags.acknowledge and not flags.subscription:
        faults.append("--acknowledge: needs --subscription")
    picture = Path(flags.picture) if flags.picture else None
    if picture and picture.suffix not in PICTURES:
        faults.append(f"--picture: {flags.picture} does not end with {' or '.join(PICTURES)}")
    if picture and not picture.parent.is_dir():
        faults.append(f"--picture: there is no folder {picture.parent}")
    if faults:
        raise InvalidOptions(faults, fix=[f"{PROGRAM} audit --help"])
    wanted = Wanted(frozenset(flags.device or ()), tuple(flags.type or ()))
    return _Options(Window(start, end), wanted, picture)
