"""The version of the whole project, for ``python -m deploy`` and CHANGELOG.md.

This module is uploaded with the function, and imports nothing, so that both packages can import it.
"""

VERSION = "1.0.0"
"""Major, minor and patch by https://semver.org. docs/messages.md says which changes count as which."""
