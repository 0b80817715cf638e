"""sampling: which lines of the log are left out, and that the counts of the others stay exact."""

from msgspec import structs

from function.errors import ChecksumMismatch, Malformed, PublishTransient, SignatureInvalid, Unsigned
from function.log import RequestContext
from function.outcomes import BY_ERROR, DELIVERED, DELIVERED_WITH_WARNING, INTERNAL
from tests.function.builders import body, request
from tests.function.fakes import Page


def context(**headers: str) -> RequestContext:
    return RequestContext(request(body(), headers))


def of_device(device_id: str = "b5rj9ed7rihk942p48og") -> RequestContext:
    known = context()
    known.envelope = structs.replace(known.envelope, event_id="e", device_id=device_id)
    return known


def test_a_sampled_reason_has_one_line_a_second_and_the_next_line_counts_the_others() -> None:
    page = Page()
    for seconds in (0, 0, 0.5, 0.499, 0.001, 0, 5):
        page.clock.advance(seconds)
        page.log.request(context(), BY_ERROR[Unsigned])
    assert [line.get("suppressed") for line in page.lines] == [None, 3, 1]


def test_each_reason_is_sampled_separately() -> None:
    page = Page()
    for error in (Unsigned, SignatureInvalid, Unsigned, SignatureInvalid):
        page.log.request(context(), BY_ERROR[error])
    assert [line["reason"] for line in page.lines] == ["unsigned", "signature"]


def test_a_reason_that_is_not_sampled_has_every_line() -> None:
    page = Page()
    for _ in range(3):
        page.log.request(context(), BY_ERROR[ChecksumMismatch])
    assert len(page.lines) == 3


def test_one_of_so_many_delivered_events_has_a_line_and_the_lines_count_all_of_them() -> None:
    page = Page(one_of=3)
    for _ in range(8):
        page.log.request(of_device(), DELIVERED)
    page.log.close()
    assert [line["delivered"] for line in page.lines] == [1, 3, 3, 1]
    assert page.lines[-1] == {"severity": "INFO", "message": "delivered 1 more events without a line", "delivered": 1}


def test_an_event_that_is_delivered_after_sigterm_has_a_line_also_if_none_was_left_out_before() -> None:
    page = Page(one_of=1000)
    page.log.request(of_device(), DELIVERED)
    (close,) = page.at_end
    close()
    page.log.request(of_device(), DELIVERED)
    assert [line["delivered"] for line in page.lines] == [1, 1]
    assert page.at_end == [close]


def test_nothing_is_called_at_the_end_if_each_delivered_event_has_a_line() -> None:
    page = Page()
    page.log.request(of_device(), DELIVERED)
    assert page.at_end == []


def test_the_end_of_the_log_has_no_line_if_every_delivered_event_is_counted() -> None:
    page = Page(one_of=1000)
    page.log.request(of_device(), DELIVERED)
    page.log.close()
    page.log.close()
    assert len(page.lines) == 1


def test_a_delivered_event_after_a_minute_without_a_line_has_one() -> None:
    page = Page(one_of=1000)
    for seconds in (0, 59.9, 0.1, 59.9):
        page.clock.advance(seconds)
        page.log.request(of_device(), DELIVERED)
    assert [line["delivered"] for line in page.lines] == [1, 2]


def test_no_line_is_left_out_that_somebody_looks_for() -> None:
    page = Page(one_of=1000)
    by_operator, by_older_secret = of_device(), of_device()
    by_operator.origin, by_older_secret.secret_index = "replay", 1
    page.log.request(of_device(), DELIVERED)
    page.log.request(of_device(), DELIVERED)
    page.log.request(by_operator, DELIVERED)
    page.log.request(by_older_secret, DELIVERED)
    page.log.request(of_device("emu0007dr2b5vjs7396g"), DELIVERED)
    page.log.request(of_device(), DELIVERED_WITH_WARNING)
    assert [line["delivered"] for line in page.lines] == [1, 2, 1, 1, 1]


def test_each_event_that_is_delivered_after_the_end_of_the_log_has_a_line() -> None:
    page = Page(one_of=1000)
    for _ in range(3):
        page.log.request(of_device(), DELIVERED)
    page.log.close()
    page.log.request(of_device(), DELIVERED)
    assert [line["delivered"] for line in page.lines] == [1, 2, 1]


def test_what_was_not_delivered_has_its_line_however_few_delivered_events_have_one() -> None:
    page = Page(one_of=1000)
    for error in (PublishTransient, Malformed, ChecksumMismatch, PublishTransient, Malformed, ChecksumMismatch):
        page.log.request(of_device(), BY_ERROR[error])
    page.log.request(of_device(), INTERNAL)
    assert [line.get("delivered") for line in page.lines] == [None] * 7


def test_nothing_is_counted_below_the_level_of_delivered_events() -> None:
    page = Page("WARNING", one_of=10)
    page.log.request(of_device(), DELIVERED)
    page.log.request(of_device(), DELIVERED_WITH_WARNING)
    page.log.close()
    assert [line.get("delivered") for line in page.lines] == [None]
