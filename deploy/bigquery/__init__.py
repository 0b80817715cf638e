"""Everything of BigQuery that is text: the table, the views, and the subscription that fills the table. Pure.

================  ==================================================================================================
``blueprint``     all of it for one dataset: the bodies of Google's REST APIs, and the SQL statements in their order
``place``         which dataset, table and region
``table``         the columns of the table, its partitions and its clusters
``transform``     the subscription's JavaScript (``transform.js``), which makes a row of a message
``literals``      texts and labels as literals of SQL
``view``          a view with described columns, and the SQL that makes it
``measurements``  one view for each event type, with units
``series``        samples, count increments, heartbeats and state intervals
``summaries``     the newest event, the last time heard, and a day, of each device
================  ==================================================================================================

The SQL is GoogleSQL. docs/bigquery.md describes it for users.
"""
