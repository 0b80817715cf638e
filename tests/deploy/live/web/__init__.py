"""Tests of deploy/live/web/: the server in process. tests/web/ looks at the page itself, in a browser."""
