"""Requests to the offline clouds: plain HTTPS through their proxy, and the real ``gcloud``."""

import contextlib
import http.client
import io
import json
import shutil
import subprocess
import time
import zipfile
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.blackbox.serving import Answer
from tests.emulators.clouds import Clouds
from tests.emulators.clouds.google.estate import Estate

ROOT = Path(__file__).parents[2]
GOOGLE_APIS = ("artifactregistry", "cloudbuild", "cloudfunctions", "iam", "pubsub", "run", "secretmanager")
FUNCTIONS = "https://cloudfunctions.googleapis.com/v2/projects/demo-proj/locations/europe-west1"
DEPLOY_S = 120.0


class Heard(Answer):
    """An answer of a cloud."""

    @property
    def sentence(self) -> str:
        """The message of a Google API's error."""
        return str(self.json["error"]["message"])


def ask(
    both_clouds: Clouds,
    method: str,
    url: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    caller: str = "",
) -> Heard:
    """Send a request as the owner of the Google project; a body other than bytes is sent as JSON.

    ``caller``: the name by which the log tells the requests of a command apart.
    """
    parts = urlsplit(url)
    sent = {"Authorization": f"Bearer {both_clouds.google.estate.token}", **(headers or {})}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = http.client.HTTPSConnection(
        "127.0.0.1", both_clouds.proxy.port, timeout=40, context=both_clouds.proxy.authority.client_context()
    )
    with contextlib.closing(connection):
        login = {"Proxy-Authorization": f"Basic {b64encode(f'{caller}:-'.encode()).decode()}"} if caller else {}
        connection.set_tunnel(parts.hostname or "", parts.port or 443, login)
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), data, sent)
        response = connection.getresponse()
        return Heard(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def gcloud(both_clouds: Clouds, command: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the real gcloud with these arguments."""
    return subprocess.run(
        [shutil.which("gcloud") or "gcloud", *command.split()],
        env=dict(both_clouds.environ),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def all_on(estate: Estate) -> Estate:
    """Enable every API that a deployment needs."""
    estate.enabled.update(f"{name}.googleapis.com" for name in GOOGLE_APIS)
    return estate


def zipped(main: str) -> bytes:
    """Return the source of a function with one module, as a zip file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("main.py", main)
        writer.writestr("requirements.txt", "functions-framework\n")
    return archive.getvalue()


ANSWERS = "import functions_framework\n@functions_framework.http\ndef ingest(request):\n    return 'hello'\n"


def function_settings(source: Mapping[str, str], **config: Any) -> dict[str, Any]:
    """Return a function in the form that gcloud sends."""
    build = {"runtime": "python313", "entryPoint": "ingest", "source": {"storageSource": dict(source)}}
    return {"buildConfig": build, "serviceConfig": {"timeoutSeconds": 15, **config}}


def deploy(both_clouds: Clouds, main: str = ANSWERS, **config: Any) -> dict[str, Any]:
    """Upload and create a function over REST; return the operation when it is done."""
    place = ask(both_clouds, "POST", f"{FUNCTIONS}/functions:generateUploadUrl", {}).json
    assert ask(both_clouds, "PUT", place["uploadUrl"], zipped(main), {"Authorization": ""}).status == 200
    asked = function_settings(place["storageSource"], **config)
    started = ask(both_clouds, "POST", f"{FUNCTIONS}/functions?{urlencode({'functionId': 'f'})}", asked)
    assert started.status == 200, started.sentence
    return done(both_clouds, started.json["name"])


def done(both_clouds: Clouds, operation: str) -> dict[str, Any]:
    """Wait for an operation of Cloud Functions, and return it."""
    give_up_at = time.monotonic() + DEPLOY_S
    while time.monotonic() < give_up_at:
        now: dict[str, Any] = ask(both_clouds, "GET", f"https://cloudfunctions.googleapis.com/v2/{operation}").json
        if now["done"]:
            return now
        time.sleep(0.1)
    raise AssertionError(f"{operation} is not done after {DEPLOY_S:.0f} s")
