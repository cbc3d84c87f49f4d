"""What the published file says it was made from."""

from __future__ import annotations

from mcf_pipeline.settings import DataDir


def published_state(data_dir: DataDir) -> str | None:
    """Fingerprint of what the published file was made from, or None where there is no such file."""
    import duckdb

    if not data_dir.published_database.is_file():
        return None
    try:
        with duckdb.connect(data_dir.published_database, read_only=True) as con:
            (state,) = con.execute("SELECT etat FROM meta_publication").fetchall()[0]
    except (duckdb.Error, IndexError):
        return None
    return str(state)
