"""What a month costs: Google's price list, and the model of a month's usage. Pure.

=============  =================================================================
``prices``     Google's prices as data, with their source and their date
``bill``       from the usage of a month to dollars
``month``      from a rate of events to the usage of a month
``sensors``    what sensors send, as data, and the rate of their events
``warehouse``  what BigQuery adds
=============  =================================================================

``status`` shows the cost at the measured rate, and docs/scaling.md is made by the same model.
"""
