"""``python -m tests.bench.counts.one_process TARGET SOURCE PORT``: serve a function as gunicorn's worker does.

functions-framework makes the application, and uvicorn serves it with the settings of the worker, but there is no parent
process. valgrind's tool ``vgdb`` can tell only a program that it has started itself when to count.
"""

import sys

import uvicorn
from functions_framework import create_app

KEEP_ALIVE_S = 620
"""As ``main.py`` sets it; a timer of this length is made for each answer."""


def main() -> int:
    """Serve until a signal ends the process."""
    target, source, port = sys.argv[1:]
    application = create_app(target, source, "http")  # type: ignore[no-untyped-call]
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(port),
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
