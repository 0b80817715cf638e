"""secret_text: the parser of secrets for the function and the deployment, whose faults never quote a secret."""

import time

import pytest

from function.secret_text import MAX_TEXT_BYTES, SecretLines, read_secrets
from tests.function.builders import OLD_SECRET, SECRET

NEW, OLD = SECRET.encode(), OLD_SECRET.encode()


@pytest.mark.parametrize(
    "raw",
    [
        f"{SECRET}\n{OLD_SECRET}".encode(),
        f"{SECRET}\n{OLD_SECRET}\n".encode(),
        f"{SECRET}\r\n{OLD_SECRET}\r\n".encode(),
        f"{SECRET}\r{OLD_SECRET}\r".encode(),
        f"\n \t\n  {SECRET}\t \n\n\t{OLD_SECRET}\u00a0\n".encode(),
        f"{SECRET}\r\n{OLD_SECRET}\r\n".encode("utf-8-sig"),
        f" \ufeff{SECRET}\u200b \n\u200c\u2060{OLD_SECRET}\u200d".encode(),
        f"{SECRET}\r\n{OLD_SECRET}\r\n".encode("utf-16"),
        f"\ufeff{SECRET}\n{OLD_SECRET}".encode("utf-16-be"),
        f"{SECRET}\n{OLD_SECRET}\n".encode("utf-16-le"),
        f"{SECRET}\n{OLD_SECRET}".encode("utf-16-be"),
    ],
    ids=[
        *("as it is", "a line end", "CRLF", "CR", "blank lines", "UTF-8 with a mark", "invisible marks"),
        *("UTF-16", "UTF-16 of the other order", "UTF-16 without a mark", "UTF-16 without a mark, the other order"),
    ],
)
def test_an_editors_additions_are_not_part_of_the_secrets(raw: bytes) -> None:
    assert read_secrets(raw) == SecretLines((NEW, OLD), ())


@pytest.mark.parametrize(
    "secret",
    [
        "x" * 31 + "y",
        f"X{SECRET}X",
        "ø" * 15 + "å",
        "correct your horse battery staple",
        "a-long-password,with-commas;and-more",
        "0123456789abcdef" * 4,
        "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm8=",
        "//3v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+8=",
        "#hash-signs-are-allowed-in-a-secret!",
        "'a-quote-at-one-end-is-a-character-!",
        "$2b$12$CwTycUXWue0Thq9StjUM0uJ8T0OeXK",
        "some-very-good-secret-that-nobody-sees",
        "mysecretly-chosen-words-of-all-sizes",
    ],
)
def test_a_secret_of_32_bytes_may_contain_any_printable_character(secret: str) -> None:
    assert read_secrets(secret.encode()) == SecretLines((secret.encode(),), ())


REFUSED: dict[str, tuple[str, str]] = {
    "too short": ("x" * 30 + "y", "has 31 bytes: at least 32 are needed"),
    "31 bytes in 30 letters": ("ø" + "x" * 28 + "y", "has 31 bytes: at least 32 are needed"),
    "zero bytes": ("\0" * 40, "contains an unprintable character"),
    "a tab inside": (f"{SECRET[:20]}\t{SECRET[20:]}", "contains an unprintable character"),
    "a joiner inside": (f"{SECRET[:20]}\u200b{SECRET[20:]}", "contains an unprintable character"),
    "a hard space inside": (f"{SECRET[:20]}\u00a0{SECRET[20:]}", "contains an unprintable character"),
    **{
        f"quotes {left}{right}": (f"{left}{SECRET}{right}", "is in quotes: remove them")
        for left, right in ('""', "''", "``", "“”", "„“", "«»", "‘’", "‚’")
    },
    "a literal line end": (f"{SECRET}\\n{OLD_SECRET}", r"contains a literal \n: start a new line instead"),
    "a literal line end last": (f"{SECRET}\\r\\n", r"contains a literal \n: start a new line instead"),
    "a setting": (f"DT_SIGNATURE_SECRET={SECRET}", "contains the name of the setting: leave only the secret"),
    "a shell's setting": (
        f"export DT_SIGNATURE_SECRET={SECRET}",
        "contains the name of the setting: leave only the secret",
    ),
    "YAML": (f"dt_signature_secret: {SECRET}", "contains the name of the setting: leave only the secret"),
    "a JSON object": (f'{{"secret": "{SECRET}"}}', "is JSON: leave only the secret"),
    "a JSON array": (f'["{SECRET}", "{OLD_SECRET}"]', "is JSON: leave only the secret"),
    "a comment": (f"# {SECRET}", "is a comment: leave only secrets"),
    "a comment behind a secret": (f"{SECRET} # the new one", "is a comment: leave only secrets"),
    "a setting by half its name": (
        f"SIGNATURE_SECRET={SECRET}",
        "contains the name of the setting: leave only the secret",
    ),
    "YAML with a name of its own": (f"secret: {SECRET}", "contains the name of the setting: leave only the secret"),
    "two of the shortest": (
        f"{SECRET[:32]},{OLD_SECRET[:32]}",
        "contains several secrets: put each on its own line",
    ),
    "a comma last": (f"{SECRET},{OLD_SECRET},", "contains several secrets: put each on its own line"),
    "one secret and a comma": (f"{SECRET},", "contains several secrets: put each on its own line"),
    "commas": (f"{SECRET},{OLD_SECRET}", "contains several secrets: put each on its own line"),
    "commas and spaces": (f"{SECRET}, {OLD_SECRET}", "contains several secrets: put each on its own line"),
    "semicolons": (f"{SECRET};{OLD_SECRET}", "contains several secrets: put each on its own line"),
    "spaces": (f"{SECRET} {OLD_SECRET}", "contains several secrets: put each on its own line"),
    **{
        f"placeholder {text}": (text, "is a placeholder: replace it by the secret")
        for text in (
            "changeme",
            "ChangeMe" * 4,
            "please-change-me-before-production-use",
            "CHANGE_THIS_TO_THE_SECRET_OF_YOUR_CONNECTOR",
            "replace-with-the-secret-of-the-connector",
            "<secret>",
            "<the signature secret of your Data Connector>",
            "${DT_SIGNATURE_SECRET}",
            "$DT_SIGNATURE_SECRET",
            "$(gcloud secrets versions access 3 --secret=dt)",
            "{{ secrets.DT_SIGNATURE_SECRET_OF_PRODUCTION }}",
            "%DT_SIGNATURE_SECRET_OF_THE_CONNECTOR%",
            "your-secret",
            "your-very-strong-and-unique-password-here",
            "YOUR_SIGNATURE_SECRET_GOES_HERE_PLEASE",
            "insert-the-signature-secret-here-please",
            "my-super-secret-signature-secret-00000",
            "placeholder-for-the-secret-of-connector",
            "secret",
            "x",
            "x" * 64,
            "****************************************",
        )
    },
}


@pytest.mark.parametrize(("text", "fault"), REFUSED.values(), ids=REFUSED)
def test_the_fault_of_an_invalid_line_has_its_number(text: str, fault: str) -> None:
    assert read_secrets(text.encode()) == SecretLines((), (f"line 1 {fault}",), is_refused=True)


@pytest.mark.parametrize(("text", "fault"), REFUSED.values(), ids=REFUSED)
def test_a_valid_line_beside_a_refused_one_is_used(text: str, fault: str) -> None:
    assert read_secrets(f"\n{text}\r\n{SECRET}\n".encode()) == SecretLines((NEW,), (f"line 2 {fault}",))


def test_every_refused_line_has_a_fault_of_its_own() -> None:
    assert read_secrets(f"hunter2\n{SECRET}\n\n{OLD_SECRET}\nchangeme".encode()) == SecretLines(
        (NEW, OLD),
        (
            "line 1 has 7 bytes: at least 32 are needed",
            "line 5 is a placeholder: replace it by the secret",
        ),
    )


@pytest.mark.parametrize("raw", [b"", b" \n\r\n\t", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_blank_text_has_no_secret(raw: bytes) -> None:
    assert read_secrets(raw) == SecretLines((), ("the text has no secret",))


@pytest.mark.parametrize("bad", [b"\xff" * 40, b"\xed\xa0\x80" * 20, "pässwört".encode("latin-1")])
def test_a_line_that_is_not_utf_8_is_refused_and_the_next_one_is_used(bad: bytes) -> None:
    assert read_secrets(bad + b"\n" + NEW) == SecretLines((NEW,), ("line 1 is not UTF-8",))


@pytest.mark.parametrize("raw", [NEW.decode().encode("utf-16")[:-1], b"\xff\xfe\x00\xd8" + b"a\x00" * 40])
def test_the_fault_of_incomplete_utf_16_names_it(raw: bytes) -> None:
    assert read_secrets(raw) == SecretLines((), ("the text is incomplete UTF-16: save it as UTF-8",))


def test_a_text_that_is_larger_than_secret_manager_allows_is_not_read() -> None:
    line = NEW + b"\n"
    assert len(read_secrets(line * (MAX_TEXT_BYTES // len(line))).secrets) == MAX_TEXT_BYTES // len(line)
    assert read_secrets(NEW.ljust(MAX_TEXT_BYTES)).secrets == (NEW,)
    assert read_secrets(NEW.ljust(MAX_TEXT_BYTES + 1)) == SecretLines((), ("the text has more than 65536 bytes",))


def test_bytes_that_are_not_text_do_not_count_as_refused() -> None:
    assert not read_secrets(b"\xff" * 40).is_refused
    assert not read_secrets(b"\xff" * 40 + b"\nhunter2").is_refused
    assert read_secrets(b"hunter2\nchangeme").is_refused


@pytest.mark.parametrize("line", ["a" * 60_000, "secret" * 10_000, "a-" * 30_000, "a," * 30_000, "# " * 30_000])
def test_a_line_of_any_size_is_read_quickly(line: str) -> None:
    began_at = time.thread_time()
    read_secrets(line.encode())
    assert time.thread_time() - began_at < 1


@pytest.mark.parametrize("joint", [b" ", b", ", b";"])
def test_a_line_with_joints_that_is_not_utf_8_is_a_fault_and_the_good_line_beside_it_is_used(joint: bytes) -> None:
    assert read_secrets(b"\xe9abc" + joint + b"words\n" + NEW) == SecretLines((NEW,), ("line 1 is not UTF-8",))
