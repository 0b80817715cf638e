"""The live page: a local web server that shows a feed in a browser, by server-sent events.

===========  ================================================================  ===================
``server``   listens on the loopback address, and answers the page's requests  a port, threads
``opening``  serves the page of follow, and opens a browser                    a port, the browser
``options``  the page's port and names, and whether a browser is there         nothing
``routes``   the answer to each path: files, one event's bytes or command      nothing
``access``   who may see the page: host name, token, cookie                    random numbers
``stream``   the messages of a feed as server-sent events                      nothing
``shown``    what a page shows, and what it needs for that                     nothing
``rows``     messages as the page gets them, in JSON                           nothing
``curl``     the command that sends an event again                             nothing
===========  ================================================================  ===================

``assets`` has the page itself: HTML, CSS and JavaScript modules without any outside resource and without a build step.
They write the text of events only into text nodes; the header ``Content-Security-Policy`` makes a browser enforce it.
"""
