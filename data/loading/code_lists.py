"""The code lists of an edition: those of its site, and the codes of open lists that came."""

import duckdb

from data.site import Site


def write_code_lists(connection: duckdb.DuckDBPyConnection, site: Site) -> None:
    """Replace departments, categories, calendar and time limits by those of the site."""
    lists = {
        "departments": [(row.code, row.name, row.parent) for row in site.departments],
        "categories": [(row.code, row.name, row.kind, row.parent) for row in site.categories],
        "calendar": [(day.day, day.kind, day.name) for day in site.calendar],
        "time_limits": [
            (row.category, row.department, row.risk, row.stage, row.amount, row.unit)
            for row in site.time_limits
        ],
    }
    for table, rows in lists.items():
        connection.execute(f"DELETE FROM {table}")
        if rows:
            marks = ", ".join(f"${n}" for n in range(1, len(rows[0]) + 1))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def write_open_lists(connection: duckdb.DuckDBPyConnection, site: Site) -> None:
    """Add the codes of open lists that the data brought; their name is the code."""
    for name, table in (("department", "departments"), ("category", "categories")):
        if name in site.open_lists:
            connection.execute(
                f"INSERT INTO {table} (code, name) SELECT DISTINCT {name}, {name} FROM cases"
                f" WHERE {name} IS NOT NULL AND {name} NOT IN (SELECT code FROM {table})"
                " ORDER BY 1"
            )
    for key in site.dimension_keys:
        connection.execute("DELETE FROM dimensions WHERE dimension = $key", {"key": key})
        connection.execute(
            f'INSERT INTO dimensions SELECT DISTINCT $key, "{key}", "{key}" FROM cases'
            f' WHERE "{key}" IS NOT NULL ORDER BY 2',
            {"key": key},
        )
