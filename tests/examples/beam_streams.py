"""``python beam_streams.py``: what docs/examples/beam makes of made-up streams, as one document of JSON.

It runs in an environment with Apache Beam and without the project's packages. ``test_beam.py`` starts it.
"""

import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "beam" / "mean_per_device.py"
LATENESS_S = 3600.0


def example() -> Any:
    """Return the example as a module. Beam pickles its functions by the module's name, so it can be imported."""
    spec = importlib.util.spec_from_file_location("mean_per_device", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["mean_per_device"] = module
    spec.loader.exec_module(module)
    return module


def message(event_id: str, *samples: tuple[str, float], **attributes: str) -> PubsubMessage:
    """Return the message of an event with these samples, newest first; of one sample without a list of samples."""
    (time, value) = samples[0]
    data: dict[str, Any] = {"value": value, "updateTime": time}
    if len(samples) > 1:
        data["samples"] = [{"value": value, "sampleTime": time} for time, value in samples]
    has = {"eventId": event_id, "eventType": "temperature", "deviceId": "d1", "timestamp": time, **attributes}
    return PubsubMessage(json.dumps({"event": {"data": {"temperature": data}}}).encode(), has)


def keep(line: str, path: str) -> None:
    """Append a line to a file, because Beam copies functions, and whatever they hold."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def lines(module: Any, stream: TestStream) -> list[Any]:
    """Return the lines that the pipeline prints of a stream."""
    options = PipelineOptions([])
    options.view_as(StandardOptions).streaming = True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines"
        path.touch()
        with beam.Pipeline("BundleBasedDirectRunner", options=options) as pipeline:
            module.means(pipeline | stream, LATENESS_S) | beam.Map(keep, str(path))
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def stream(module: Any, *steps: Any) -> TestStream:
    """Return a stream: messages that arrive together at the watermark, or the time to which the watermark advances."""
    made = TestStream()
    at = module.seconds("2026-11-02T08:00:00Z")
    made.advance_watermark_to(at)
    for step in steps:
        if isinstance(step, str):
            at = module.seconds(step)
            made.advance_watermark_to(at)
        else:
            made.add_elements([TimestampedValue(sent, at) for sent in step])
    return made.advance_watermark_to_infinity()


def main() -> None:
    """Run the streams, and print what came of each."""
    module = example()
    first, second = message("a", ("2026-11-02T08:01:00Z", 20.0)), message("b", ("2026-11-02T08:04:59.999Z", 22.0))
    late = message("c", ("2026-11-02T08:02:00.123456789Z", 27.0))
    two = message("s", ("2026-11-02T08:06:00Z", 6.0), ("2026-11-02T08:01:00Z", 1.0))
    odd = message("v", ("2026-11-02T08:01:00Z", 99.0), schemaViolation="$.event.data.temperature.value")
    touched = message("t", ("2026-11-02T08:01:00Z", 99.0), eventType="touch")
    other = message("o", ("2026-11-02T08:01:00Z", 5.0), deviceId="d2")
    noon = "2026-11-02T12:00:00Z"
    results = {
        "copies": lines(module, stream(module, [first, second, first], [first], noon)),
        "late": lines(module, stream(module, [first, second], "2026-11-02T08:10:00Z", [late], [late], noon)),
        "too late": lines(module, stream(module, [first], noon, [late])),
        "samples": lines(module, stream(module, [two], noon)),
        "others": lines(module, stream(module, [odd, touched, other], noon)),
    }
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
