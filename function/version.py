"""The version of the whole project, written here alone: ``python -m deploy`` and CHANGELOG.md go by it.

It is uploaded with the function, and imports nothing, so that both packages can read it.
"""

VERSION = "1.0.0"
"""Major, minor and patch, by https://semver.org; what counts as a change of each is said in docs/messages.md."""
