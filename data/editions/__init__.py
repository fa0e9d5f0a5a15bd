"""The edition store: immutable DuckDB files, written aside, verified, published at once."""
