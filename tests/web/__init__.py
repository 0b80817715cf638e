"""The live page in a real browser: ``make test-web``.

============  ====================================================================  =====================
``chromium``  finds Chromium, or installs Debian's                                  programs
``opened``    a page in the browser, with what a user does and sees                 the browser
``building``  messages of a made-up building, for tests and for the picture         nothing
``picture``   makes the picture of the README: ``make picture``                     the browser, a file
============  ====================================================================  =====================
"""
