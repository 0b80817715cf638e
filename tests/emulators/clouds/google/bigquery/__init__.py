"""BigQuery: datasets, tables, views and queries of one project, on DuckDB.

It is as strict as BigQuery where a deployment can notice: unknown members, labels, schemas, what cannot be changed,
etags, access, locations. https://cloud.google.com/bigquery/docs/reference/rest

===============  ========================================================================  ==============
``api``          the routes, and what all of them check                                    nothing
``catalog``      datasets and tables with their etags                                      nothing
``datasets``     the methods of datasets                                                   nothing
``tables``       the methods of tables and views                                           nothing
``extras``       the lists of routines and models, which only others make                  nothing
``schemas``      the columns of tables, and which changes are accepted                     nothing
``labels``       the labels of datasets and tables                                         nothing
``access``       access entries, and who may write                                         nothing
``jobs``         queries and their pages                                                   nothing
``statements``   runs one statement of GoogleSQL                                           nothing
``definitions``  reads statements that create or drop something                            sqlglot
``parameters``   the parameters of queries                                                 nothing
``warehouse``    the rows; starts the engine when it is needed                             the engine
``engine``       GoogleSQL on DuckDB                                                       DuckDB, sqlglot
``kinds``        the types of columns in DuckDB                                            nothing
``problems``     refusals in BigQuery's format                                             nothing
===============  ========================================================================  ==============

Not played: jobs other than queries, the procedural language of scripts, legacy SQL, INFORMATION_SCHEMA, streaming
inserts, making routines and models, external tables, row access policies, expiration. Names of tables do not differ by
case only. Only new roles are late.
"""

from tests.emulators.clouds.google.bigquery.api import BigQuery

__all__ = ["BigQuery"]
