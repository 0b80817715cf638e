"""Sources of functions, uploaded to signed URLs of ``storage.googleapis.com``."""

import time
import uuid

from deploy.offline.clouds.exchange import Answer, Json, Request
from deploy.offline.clouds.google.problems import invalid


class Uploads:
    """Uploaded sources, by bucket and object."""

    def __init__(self) -> None:
        self._uploads: dict[str, bytes] = {}

    def new_url(self, bucket: str) -> Json:
        """Give a URL to upload to, as generateUploadUrl answers."""
        item = f"{uuid.uuid4()}.zip"
        self._uploads[f"/{bucket}/{item}"] = b""
        url = f"https://storage.googleapis.com/{bucket}/{item}?X-Goog-Signature={uuid.uuid4().hex}"
        return {"uploadUrl": url, "storageSource": {"bucket": bucket, "object": item}}

    def store(self, request: Request) -> Answer:
        """Take an upload, without any other proof than the URL's signature."""
        if request.method != "PUT" or request.path not in self._uploads or not request.parameter("X-Goog-Signature"):
            return Answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", {"Content-Type": "text/xml"})
        self._uploads[request.path] = request.body
        return Answer(200)

    def keep(self, build_config: Json, bucket: str, item: str) -> Json:
        """Copy an upload to another place, and say where it is: a copy has a generation of its own."""
        stored: Json = build_config["source"]["storageSource"]
        if stored.get("bucket") == bucket:
            return stored
        self._uploads[f"/{bucket}/{item}"] = self.source(build_config)
        return {"bucket": bucket, "object": item, "generation": str(time.time_ns() // 1000)}

    def source(self, build_config: Json) -> bytes:
        """Give the source that a function is to be built from."""
        stored = build_config.get("source", {}).get("storageSource", {})
        source = self._uploads.get(f"/{stored.get('bucket')}/{stored.get('object')}")
        if not source:
            raise invalid("The source of the function has not been uploaded.")
        return source
