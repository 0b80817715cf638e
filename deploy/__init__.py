"""Make both ends, prove the path, show it and remove it: ``python -m deploy VERB``.

Modules and packages, from what a user types down to the two clouds:

===================  ============================================================  ===================
A plan is computed from what exists, without a state file; ``up`` carries out exactly the steps that ``plan`` shows.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # an older Python has to say so itself
    sys.exit("Python 3.11 or newer is needed: this is %s at %s" % (sys.version.split()[0], sys.executable))  # noqa: UP031
