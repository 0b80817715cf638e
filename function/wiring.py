"""Builds the receiver from the real clocks, standard output, files and clients of services."""

import atexit
import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from function.access_token import AccessTokens
from function.batching import Batcher
from function.credentials import token_source
from function.ending import at_sigterm
from function.errors import SettingsError
from function.foreign_lines import redirect_loggers
from function.log import Log, dropped_line
from function.output import LineWriter
from function.pubsub import SCOPES, PubSub
from function.receiver import Receiver
from function.retrying import RetryingPublisher
from function.secret_source import SecretSource, check_secret_file
from function.secret_text import trimmed
from function.settings import Settings
from function.verifier import OrganizationScheme, Scheme, SecretScheme, Verifier


def build_receiver(environ: Mapping[str, str]) -> Receiver:
    """Return the receiver of these settings.

    Raises:
        SettingsError: with all faults of the settings.

    """
    settings = _settings(environ)
    output = LineWriter.to(sys.__stdout__, dropped_line=dropped_line)
    log = Log(
        output,
        level=settings.log_level,
        google_project=settings.google_project,
        monotonic=time.monotonic,
        one_of=settings.log_delivered,
        at_end=at_sigterm,
    )
    atexit.register(log.close)  # a later registration runs earlier, so this runs before the output is flushed
    redirect_loggers(log.problem, monotonic=time.monotonic)
    tokens = None if settings.emulator_host else access_tokens(environ, log)
    return Receiver(
        settings,
        _verifier(settings, log),
        RetryingPublisher(Batcher(PubSub(settings.emulator_host, tokens))),
        log,
        now=time.time,
        monotonic=time.monotonic,
    )


def access_tokens(environ: Mapping[str, str], log: Log) -> AccessTokens:
    """Return the holder of the token for Pub/Sub. It logs its failures."""
    return AccessTokens(
        token_source(environ, SCOPES, now=time.time),
        now=time.time,
        monotonic=time.monotonic,
        warn=lambda sentence: log.problem(sentence, "WARNING"),
    )


def _settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raises SettingsError with their faults and those of the secret file."""
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as invalid:
        try:
            check_secret_file(Path(trimmed(environ.get("DT_SIGNATURE_SECRET_FILE", "")) or os.devnull))
        except SettingsError as weak:
            raise SettingsError([*invalid.faults, *weak.faults]) from weak
        raise
    check_secret_file(settings.secret_file)
    return settings


def _verifier(settings: Settings, log: Log) -> Verifier:
    schemes: list[Scheme] = []
    if settings.secrets or settings.secret_file:
        secrets = SecretSource(
            settings.secrets,
            settings.secret_file,
            monotonic=time.monotonic,
            warn=log.problem,
            remark=partial(log.problem, severity="WARNING"),
        )
        schemes.append(SecretScheme(secrets))
    if settings.organization_id:
        from function.key_source import KeySource, fetch_document  # noqa: PLC0415  # imports a JWT library, which is slow

        keys = KeySource(settings.issuer, fetch=fetch_document, monotonic=time.monotonic, warn=log.problem)
        schemes.append(OrganizationScheme(settings.organization_id, settings.issuer, keys))
    return Verifier(schemes, now=time.time, leeway_s=settings.clock_leeway_s)
