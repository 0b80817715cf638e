"""Google's own analyzer of GoogleSQL accepts every view, and finds the columns and types that the view describes.

It accepts the queries of the Grafana dashboard, too.

The package zetasql has that analyzer as WebAssembly. It takes a minute to start, so ``make test-install`` runs it.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from deploy.bigquery.blueprint import VIEWS
from deploy.bigquery.table import COLUMNS
from tests.deploy.bigquery.engines import KINDS
from tests.examples.grafana import PANELS, VARIABLES, interpolated, sql_of

ANALYZER = "zetasql==0.1.5"
PROGRAM = """
import json, re, sys
from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
from zetasql.types import AnalyzerOptions, LanguageOptions, TypeKind, ZetaSQLBuiltinFunctionOptions

given = json.load(sys.stdin)
kinds = {kind: getattr(TypeKind, "TYPE_" + {"FLOAT64": "DOUBLE"}.get(kind, kind)) for kind in given["kinds"]}
language = LanguageOptions.maximum_features()
catalog = CatalogBuilder("dataset")
for name, columns in given["tables"].items():
    table = TableBuilder(name)
    for column in columns:
        table = table.add_column(column["name"], kinds[column["kind"]])
    catalog = catalog.add_table(table.build())
functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
analyzer = Analyzer(AnalyzerOptions(language_options=language), catalog.with_builtin_functions(functions).build())
names = {number: kind for kind, number in kinds.items()}
found = {}
for name, sql in given["queries"].items():
    try:
        columns = analyzer.analyze_statement(re.sub(r"@(\\w+)", r"\\1", sql)).output_column_list
        found[name] = [[column.name, names.get(column.column.type.type_kind)] for column in columns]
    except Exception as error:
        found[name] = str(error)
print(json.dumps(found))
"""


@pytest.mark.installs
@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_googles_analyzer_finds_the_columns_that_each_view_describes(tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path), ANALYZER]
    subprocess.run(install, check=True, timeout=600)
    tables = {"events": COLUMNS, **{view.name: view.columns for view in VIEWS}}
    given = {
        "kinds": list(KINDS),
        "tables": {name: [asdict(column) for column in columns] for name, columns in tables.items()},
        "queries": {
            **{view.name: view.query for view in VIEWS},
            **{title: interpolated(sql_of(panel)) for title, panel in PANELS.items()},
            "devices": interpolated(VARIABLES["device"]["query"]["rawSql"]),
            "no column": "SELECT temperature FROM @events",
            "no number": "SELECT event_time + 1 FROM @events",
        },
    }
    program = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        program, input=json.dumps(given), env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert "Unrecognized name: temperature" in found.pop("no column")
    assert "No matching signature for operator +" in found.pop("no number")
    kinds = {title: [kind for _, kind in found.pop(title)] for title in ("devices", *PANELS)}
    assert kinds["devices"] == ["STRING", "STRING"]
    series = [kinds[title][:2] for title, panel in PANELS.items() if panel["targets"][0]["format"] == 0]
    assert series == [["TIMESTAMP", "STRING"]] * 3, "a time series of Grafana has a time and a name first"
    assert found == {view.name: [[column.name, column.kind] for column in view.columns] for view in VIEWS}
