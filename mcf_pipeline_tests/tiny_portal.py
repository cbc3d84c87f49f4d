"""Tiny releases, a portal that serves them, and a client that does not wait."""

import datetime as dt
import decimal
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pytest

from mcf_pipeline.settings import DataDir, Limits, Settings
from mcf_pipeline.sources.portal import PortalSource
from mcf_pipeline_tests.portal import SimulatedPortal

KEY = "S3cret-key-0123456789"

SHORT_LIMITS = {
    "max_attempts": 3,
    "connect_timeout": 5.0,
    "read_timeout": 5.0,
    "max_seconds": 20.0,
    "slow_window": 0.2,
    "max_wait": 2.0,
}


@dataclass(frozen=True)
class TinyRelease:
    day: dt.date
    rows: int = 600

    @lru_cache  # noqa: B019  # a handful of releases
    def table(self) -> pa.Table:
        n = range(self.rows)
        quarters = [f"{2020 + i % 5}-T{1 + i % 4}" for i in n]
        masked = [i % 7 == 0 for i in n]
        euros = [None if masked[i] else decimal.Decimal(150_025 + i) / 100 for i in n]
        return pa.table(
            {
                "date_chargement": pa.array([self.day] * self.rows, pa.date32()),
                "trimestre": quarters,
                "region": ["Île-de-France" if i % 2 else "Bretagne" for i in n],
                "genre": ["Femme" if i % 3 else "Homme" for i in n],
                "classe_age": [f"{i} ans" for i in n],
                "situation": ["Employés" if i % 5 else "Cadres" for i in n],
                "statut_dossier": ["Sortie de formation" for _ in n],
                "nb_dossiers": pa.array([None if masked[i] else i + 5 for i in n], pa.int64()),
                "nb_titulaires": pa.array([None if masked[i] else i + 5 for i in n], pa.int64()),
                "montant_engage": pa.array(euros, pa.decimal128(18, 2)),
                "part_titulaire": pa.array(euros, pa.decimal128(18, 2)),
                "donnees_synthetiques": ["oui"] * self.rows,
            }
        )


class Sleeps(list):
    """Records pauses instead of making them."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def tiny():
    return TinyRelease


@pytest.fixture
def portal():
    with SimulatedPortal([TinyRelease(dt.date(2026, 7, 8)), TinyRelease(dt.date(2026, 10, 8), 630)]) as running:
        yield running


@pytest.fixture
def client(tmp_path):
    """Makes a source for an address; its `sleeps` are the pauses that it would have made."""

    def make(url, *, api_key=KEY, formats=("csv",), dataset_id=None, **limits):
        settings = Settings(
            data_dir=DataDir(tmp_path),
            portal_url=url,
            api_key=api_key,
            limits=Limits(**{**SHORT_LIMITS, **limits}),
            **({"dataset_id": dataset_id} if dataset_id else {}),
        )
        sleeps = Sleeps()
        source = PortalSource(settings, formats=formats, sleep=sleeps)
        source.sleeps = sleeps
        return source

    return make
