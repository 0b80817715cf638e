"""The sources of functions, which clients upload to signed URLs of ``storage.googleapis.com``."""

import time
import uuid

from tests.emulators.clouds.exchange import Answer, Json, Request
from tests.emulators.clouds.google.problems import invalid


class Uploads:
    """Uploaded sources, by bucket and object."""

    def __init__(self) -> None:
        self._uploads: dict[str, bytes] = {}

    def new_url(self, bucket: str) -> Json:
        """Return a URL for an upload, in the format of generateUploadUrl."""
        item = f"{uuid.uuid4()}.zip"
        self._uploads[f"/{bucket}/{item}"] = b""
        url = f"https://storage.googleapis.com/{bucket}/{item}?X-Goog-Signature={uuid.uuid4().hex}"
        return {"uploadUrl": url, "storageSource": {"bucket": bucket, "object": item}}

    def store(self, request: Request) -> Answer:
        """Store an upload. The URL's signature is its only credential."""
        if request.method != "PUT" or request.path not in self._uploads or not request.parameter("X-Goog-Signature"):
            return Answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", {"Content-Type": "text/xml"})
        self._uploads[request.path] = request.body
        return Answer(200)

    def keep(self, build_config: Json, bucket: str, item: str) -> Json:
        """Copy an upload to a bucket, and return its new place; the copy has a generation of its own."""
        stored: Json = build_config["source"]["storageSource"]
        if stored.get("bucket") == bucket:
            return stored
        self._uploads[f"/{bucket}/{item}"] = self.source(build_config)
        return {"bucket": bucket, "object": item, "generation": str(time.time_ns() // 1000)}

    def source(self, build_config: Json) -> bytes:
        """Return the uploaded source of a function. Raises ``Problem`` if there is none."""
        stored = build_config.get("source", {}).get("storageSource", {})
        source = self._uploads.get(f"/{stored.get('bucket')}/{stored.get('object')}")
        if not source:
            raise invalid("The source of the function has not been uploaded.")
        return source
