"""The resources of BigQuery, which only deployments with ``[bigquery]`` have. A plan makes them in this order.

================  ==============================================================================================
``dataset``       the dataset, and what all resources of BigQuery have in common
``event_table``   the table of the events
``table_role``    the role of Pub/Sub's service agent on the table
``views``         the views, which one script makes or replaces
``subscription``  the subscription that writes the table
``stored_data``   the data themselves, which only a removal looks at
================  ==============================================================================================

Datasets, tables and views are read and changed by REST, because gcloud has no released commands for them; a plan shows
the command of ``bq`` that does the same. Each step is planned again right before it is carried out, as those of alerts.
"""
