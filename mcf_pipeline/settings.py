"""Settings: where the data is kept, where releases come from, and the limits a source must keep.

Each setting comes from the command line, else from the environment, else from its default here.
`DataDir` is the one place that spells the paths inside a data directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcf_pipeline.errors import UsageError

PORTAL_URL = "https://opendata.caissedesdepots.fr"
DATASET_ID = "moncompteformation-les-usagers"
SAMPLE = "sample"
PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source may at most send; beyond, the download is refused (rule `limite_depassee`).

    Each one can be set as ``MCF_LIMIT_<NAME>``. The defaults leave ten to a hundred times the size of the
    real dataset (about 100,000 lines, 20 MB as CSV).

    Attributes:
        max_bytes: decompressed bytes of one export.
        max_ratio: decompressed over received bytes.
        max_columns: columns in the header.
        max_field_bytes: bytes of one field.
        max_seconds: for one whole download.
        connect_timeout: seconds to reach the portal.
        read_timeout: seconds without a byte.
        min_bytes_per_second: slower than this over `slow_window` seconds is refused.
        slow_window: seconds over which slowness is judged.
        max_attempts: requests for one thing, the first included.
        max_wait: longest pause before a repetition, in seconds; a portal that asks for more is refused.
    """

    max_bytes: int = 2 * 1024**3
    max_ratio: int = 200
    max_columns: int = 200
    max_field_bytes: int = 64 * 1024
    max_seconds: float = 3600.0
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    min_bytes_per_second: int = 1024
    slow_window: float = 60.0
    max_attempts: int = 4
    max_wait: float = 60.0

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Limits:
        """Read ``MCF_LIMIT_<NAME>``; raises UsageError on a value that is not a positive number."""
        changed: dict[str, float] = {}
        for name, default in ((f, getattr(cls(), f)) for f in cls.__slots__):
            text = env.get(f"MCF_LIMIT_{name.upper()}")
            if text is None:
                continue
            try:
                value = type(default)(text)
            except ValueError:
                value = 0
            if not value > 0:
                raise UsageError(f"MCF_LIMIT_{name.upper()} is {text!r}: give a positive number")
            changed[name] = value
        return replace(cls(), **changed)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class DataDir:
    """The paths inside one data directory.

    Attributes:
        root: the directory itself (``MCF_DATA_DIR``).
    """

    root: Path

    @property
    def releases(self) -> Path:
        """One folder per archived release."""
        return self.root / "raw" / "releases"

    @property
    def quarters(self) -> Path:
        """The lines of each quarter, content-addressed."""
        return self.root / "raw" / "quarters"

    @property
    def incoming(self) -> Path:
        """Downloads under way; whatever an earlier process left here is worthless."""
        return self.root / "raw" / "incoming"

    @property
    def pruning(self) -> Path:
        """The list of the releases that are being removed; there only meanwhile."""
        return self.root / "raw" / "pruning.json"

    @property
    def pruned(self) -> Path:
        """Releases on their way out."""
        return self.root / "raw" / "pruned"

    @property
    def restoring(self) -> Path:
        """A backup that is being restored."""
        return self.root / ".restore"

    @property
    def tables(self) -> Path:
        """The immutable files of the quarterly tables."""
        return self.root / "tables"

    @property
    def published_database(self) -> Path:
        """The DuckDB file that users query; replaced whole."""
        return self.root / "warehouse" / "mcf.duckdb"

    @property
    def package(self) -> Path:
        """The data package."""
        return self.root / "package"

    @property
    def dashboard(self) -> Path:
        """The dashboard's page, self-contained."""
        return self.root / "site" / "index.html"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.root / "pipeline.lock"

    @property
    def notices(self) -> Path:
        """Notices that were sent, and those still to be delivered."""
        return self.root / "notices.json"

    @property
    def dagster(self) -> Path:
        """Dagster's storage, so that the sample's history and the real one's never mix."""
        return self.root / "dagster"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set.

    Attributes:
        data_dir: where all files lie.
        source: ``portal``, ``sample``, or the path of a CSV or Parquet file.
        portal_url: root of the Opendatasoft portal, without a trailing slash.
        dataset_id: the portal's id of the dataset.
        api_key: sent only in the ``Authorization`` header; never shown.
        source_map: TOML with column and modality overrides, if any.
        limits: what the source may at most send.
        poll_seconds: between two looks of the release sensor at the source.
        quarters_per_run: quarters of one run at most, where workers share them; None makes one run per unbroken
            stretch, one after the other.
        notify: addresses that notices go to, as Apprise writes them; never shown, they hold passwords and tokens.
    """

    data_dir: DataDir
    source: str = PORTAL
    portal_url: str = PORTAL_URL
    dataset_id: str = DATASET_ID
    api_key: str | None = field(default=None, repr=False)
    source_map: Path | None = None
    limits: Limits = field(default_factory=Limits)
    poll_seconds: float = 900.0
    quarters_per_run: int | None = None
    notify: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_env(
        cls,
        env: Mapping[str, str] | None = None,
        *,
        source: str | None = None,
        data_dir: Path | None = None,
    ) -> Settings:
        """Read the environment; arguments override it.

        Raises:
            UsageError: a variable holds something that cannot be used.
        """
        env = os.environ if env is None else env
        source = source or env.get("MCF_SOURCE") or PORTAL
        default_dir = Path("data") / "sample" if source == SAMPLE else Path("data")
        root = data_dir or Path(env.get("MCF_DATA_DIR") or default_dir)
        url = (env.get("MCF_PORTAL_URL") or PORTAL_URL).rstrip("/")
        if not url.startswith(("http://", "https://")):
            # Neither a query nor a user: somebody's key may stand there.
            shown = url.partition("?")[0].rpartition("@")[2]
            raise UsageError(f"MCF_PORTAL_URL is {shown!r}: give an address that begins with https://")
        source_map = env.get("MCF_SOURCE_MAP")
        return cls(
            data_dir=DataDir(root.expanduser().absolute()),
            source=source,
            portal_url=url,
            dataset_id=env.get("MCF_DATASET_ID") or DATASET_ID,
            api_key=env.get("MCF_API_KEY") or _key_in(env.get("MCF_API_KEY_FILE")),
            source_map=Path(source_map).expanduser() if source_map else None,
            limits=Limits.from_env(env),
            poll_seconds=_positive(env, "MCF_POLL_SECONDS", 900.0),
            quarters_per_run=_count(env, "MCF_QUARTERS_PER_RUN"),
            # By blanks, since a comma is part of many addresses.
            notify=tuple((env.get("MCF_NOTIFY") or "").split()),
        )


def _key_in(file: str | None) -> str | None:
    """The key in a file, as systemd's credentials and a container's secrets give it; an empty one holds none."""
    if not file:
        return None
    try:
        return Path(file).expanduser().read_text(encoding="ascii").strip() or None
    except OSError as error:
        raise UsageError(
            f"MCF_API_KEY_FILE is {file!r}, which cannot be read ({error.strerror}): name a readable file, or unset it"
        ) from error
    except UnicodeDecodeError:
        # Neither the error nor what it came from: both quote the file.
        raise UsageError(f"MCF_API_KEY_FILE is {file!r}, which is not ASCII: put the key alone into it") from None


def _positive(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(env.get(name) or default)
    except ValueError:
        value = 0
    if not value > 0:
        raise UsageError(f"{name} is {env[name]!r}: give a positive number")
    return value


def _count(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not int(text):
        raise UsageError(f"{name} is {text!r}: give a whole number from 1, or unset it")
    return int(text)
