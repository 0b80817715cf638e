"""The table, the views and the transform of BigQuery, with a real SQL engine and a real JavaScript engine."""
