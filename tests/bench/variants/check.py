"""The check after DT's page on Google Cloud Functions: a JWT library, and the checksum of the body."""

import hashlib
import os

import flask
import jwt


def is_genuine(request: flask.Request) -> bool:
    """Return whether DT has signed this request's body."""
    try:
        claims = jwt.decode(request.headers["X-Dt-Signature"], os.environ["DT_SIGNATURE_SECRET"], algorithms=["HS256"])
    except (KeyError, jwt.InvalidTokenError):
        return False
    checksum = hashlib.sha1(request.get_data(), usedforsecurity=False).hexdigest()
    return bool(claims.get("checksum") == checksum)
