"""Requirements: each must be exact, hashed, not too old, and under a permissive licence."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.audit.finding import Finding, found

FLOORS = {"pyjwt": "2.15.1", "grpcio": "1.80.0", "google-cloud-pubsub": "2.44.0", "functions-framework": "3.10.2"}
"""Oldest allowed versions: older ones of PyJWT have known vulnerabilities, and of the others known faults."""

FORBIDDEN = {("grpcio", "1.78.1"): "hung on Cloud Run and was yanked"}

LICENCES = {
    *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "PSF-2.0"),
    *("Apache 2", "Apache 2.0", "3-Clause BSD License", "BSD"),
    *("Apache Software License", "BSD License", "MIT License"),
}
"""Permissive licences, as packages name them: SPDX, free text, classifiers."""

LICENCE_EXCEPTIONS = {"certifi": "Mozilla Public License 2.0 (MPL 2.0)"}
"""Packages under another licence: MPL allows to use Mozilla's list of authorities unchanged."""


def pins(requirements: str) -> dict[str, str]:
    """Return the pinned version of each package."""
    return {name: version for name, (version, _) in pinned(requirements).items()}


def pinned(requirements: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the pinned version of each package, and the extras that it is pinned with."""
    found = re.findall(r"^([a-z0-9-]+)(?:\[([a-z0-9,-]+)\])?==([^\s;\\]+)", requirements, re.MULTILINE)
    extras: dict[str, set[str]] = {}
    for name, listed, _ in found:
        extras.setdefault(name, set()).update(filter(None, listed.split(",")))
    return {name: (version, frozenset(extras[name])) for name, _, version in found}


def unpinned(requirements: str) -> list[str]:
    """Return each requirement that is not one exact version with hashes, and each line that points elsewhere."""
    logical = requirements.replace("\\\n", " ").splitlines()
    lines = [line.partition("#")[0].strip() for line in logical]
    sound = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^\s;]+( ;[^=]*[^-]*?)?(\s+--hash=sha256:[0-9a-f]{64})+")
    return [line.split()[0] for line in lines if line and not sound.fullmatch(line)]


def outdated(versions: Mapping[str, str]) -> list[str]:
    """Return each version that is too old or forbidden; a package that is missing counts, too."""
    low = [
        f"{name} {versions.get(name)}: {floor} at least"
        for name, floor in FLOORS.items()
        if Version(versions.get(name, "0")) < Version(floor)
    ]
    return low + [f"{name} {at}: {why}" for (name, at), why in FORBIDDEN.items() if versions.get(name) == at]


def licences(package: metadata.PackageMetadata) -> list[str]:
    """Return the licences that a package names, from the best source: SPDX expression, classifiers, short free text."""
    (expression, *_), (text, *_) = (package.get_all(name, [""]) for name in ("License-Expression", "License"))
    classifiers = [line for line in package.get_all("Classifier", []) if line.startswith("License :: ")]
    if expression:
        return re.split(r" (?:AND|OR) ", expression)
    if classifiers:
        return [line.rpartition(" :: ")[2] for line in classifiers]
    return [text] if text else []


def unlicensed(packages: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Return each package with a licence that is not on the list, or without a licence."""
    refused = []
    for name, named in packages:
        if not named or not set(named) <= {*LICENCES, LICENCE_EXCEPTIONS.get(name)}:
            refused.append(f"{name}: {' / '.join(named) or 'says none'}")
    return refused


def pinned_finding(files: Mapping[str, str]) -> Finding:
    """Check that every requirement is pinned and hashed, and none is too old."""
    faults = [f"{name}: {line}" for name, text in files.items() for line in unpinned(text)]
    faults += [f"{name}: {line}" for name, text in files.items() for line in outdated(pins(text))]
    count = sum(len(pins(text)) for text in files.values())
    return found(faults, f"{count} requirements in {len(files)} files pinned, hashed and above their floors")


def licence_finding(names: Iterable[str]) -> Finding:
    """Check the licences of the installed packages; a package that is not installed is not checked."""
    installed, absent = [], []
    for name in names:
        try:
            installed.append((name, licences(metadata.metadata(name))))
        except metadata.PackageNotFoundError:
            absent.append(f"{name}: not installed here")
    finding = found(unlicensed(installed), f"{len(installed)} run-time packages under permissive licences")
    return Finding("NOT CHECKED", f"{len(absent)} packages", absent) if absent and not finding.lines else finding


def missing(lock: str, packages: Iterable[metadata.PackageMetadata]) -> list[str]:
    """Return what these packages require and a lock does not pin, or pins without the required extra.

    ``--no-deps`` installs only what is listed; a pip before 23.3 needs each extra in the list, and the package without
    the extra as well.
    """
    listed = pinned(lock)
    faults = []
    for package in packages:
        name = canonicalize_name(package["Name"])
        if name in listed:
            extras = {"", *listed[name][1]}
            faults += [f"{name}: {text}" for text in package.get_all("Requires-Dist", []) if _lacks(lock, text, extras)]
    return faults


def _lacks(lock: str, text: str, extras: Iterable[str]) -> bool:
    """Return whether a requirement that applies here, with one of these extras, is not completely pinned."""
    asked = Requirement(text)
    if asked.marker and not any(asked.marker.evaluate({"extra": extra}) for extra in extras):
        return False
    name = canonicalize_name(asked.name)
    pins_needed = [f"{name}==", *(f"{name}[{extra}]==" for extra in asked.extras)]
    return not all(re.search(rf"^{re.escape(pin)}", lock, re.MULTILINE) for pin in pins_needed)
