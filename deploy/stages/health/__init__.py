"""The health of a deployment: what is read, the rows that ``status`` shows of it, and what to do about a problem.

===================  ===========================================================  =====================
``reader``           asks every question at the same time                         both clouds, reading
``readings``         the answers, each of them a value or the error in its place  nothing
``row``              one row: its state, whether it is a problem, what to do      nothing
``rows``             all rows, in the order of the screen                         nothing
``resource_rows``    version, function, secret, drift                             nothing
``connector_rows``   the connectors' states, and DT's counts of deliveries        nothing
``event_rows``       requests, the last event, problems in the log                nothing
``gaps``             times of the last day without an event                       nothing
``message_rows``     unread messages, and why events were rejected                nothing
``bigquery_rows``    whether events can be written to BigQuery, and what waits       nothing
``rotation_row``     the phase of a rotation                                      nothing
``cost_row``         the cost of a month at the measured rate                     nothing
``words``            ages and times as words                                      nothing
``document``         the readings as JSON                                         nothing
===================  ===========================================================  =====================

One question has one reader. If one of them fails, its rows say so, and all other rows are shown.
"""
