"""Settings: where the data is kept, where releases come from, and the limits a source must keep.

Each setting comes from the command line, else from the environment, else from its default here.
`DataDir` is the one place that spells the paths inside a data directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcf_pipeline.errors import UsageError

PORTAL_URL = "https://opendata.caissedesdepots.fr"
DATASET_ID = "moncompteformation-les-usagers"
SAMPLE = "sample"
PORTAL = "portal"
STORE_SCHEME = "s3://"
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Variables that name an S3 server other than Amazon's, the first that is set counts."""


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
        store_attempts: requests for one thing of an object store, the first included.
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
    store_attempts: int = 8

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
        root: the directory itself (``MCF_DATA_DIR``); where that is an object store, the working copy of it.
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
    def in_store(self) -> Path:
        """What a working copy knows of the object store that it is a copy of."""
        return self.root / ".store"

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
        data_dir: where all files lie; where they are kept in an object store, the working copy.
        store: the object store's URL (``s3://bucket/prefix``), or None where the data directory is a folder.
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
    store: str | None = None
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
        data_dir: Path | str | None = None,
    ) -> Settings:
        """Read the environment; arguments override it.

        Raises:
            UsageError: a variable holds something that cannot be used.
        """
        env = os.environ if env is None else env
        source = source or env.get("MCF_SOURCE") or PORTAL
        default_dir = Path("data") / "sample" if source == SAMPLE else Path("data")
        place = str(data_dir or env.get("MCF_DATA_DIR") or default_dir)
        store = _store_url(place)
        root = _working_copy(store, env) if store else Path(place)
        url = (env.get("MCF_PORTAL_URL") or PORTAL_URL).rstrip("/")
        if not url.startswith(("http://", "https://")):
            # Neither a query nor a user: somebody's key may stand there.
            shown = url.partition("?")[0].rpartition("@")[2]
            raise UsageError(f"MCF_PORTAL_URL is {shown!r}: give an address that begins with https://")
        source_map = env.get("MCF_SOURCE_MAP")
        return cls(
            data_dir=DataDir(root.expanduser().absolute()),
            store=store,
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

    @property
    def place(self) -> str:
        """The data directory as ``MCF_DATA_DIR`` and ``--data-dir`` name it: a folder, or a URL."""
        return self.store or str(self.data_dir.root)


def _store_url(place: str) -> str | None:
    """The object store that a data directory names, without a trailing slash; None for a folder.

    Raises:
        UsageError: a URL of another kind, without a bucket, or with more in it than a bucket and a prefix.
    """
    if "://" not in place:
        return None
    bucket, _, prefix = place.removeprefix(STORE_SCHEME).rstrip("/").partition("/")
    parts = prefix.split("/") if prefix else []
    is_plain = all(parts) and not {".", ".."} & set(parts) and not set(place) & set("@?#%\\ ")
    if place.startswith(STORE_SCHEME) and bucket and is_plain:
        return "/".join([STORE_SCHEME + bucket, *parts])
    # Not quoted: somebody's key may stand there.
    raise UsageError(
        "MCF_DATA_DIR (or --data-dir) is a URL that cannot be used: give a folder, or s3://bucket/prefix without "
        "credentials, a query or special characters; credentials come from the environment, a profile or the "
        "machine's role"
    )


def _working_copy(store: str, env: Mapping[str, str]) -> Path:
    """The folder that holds what this machine has of an object store."""
    # The bucket of another server is another one.
    of = " ".join([store, *(env.get(name, "") for name in ENDPOINTS)])
    name = f"{store.removeprefix(STORE_SCHEME).replace('/', '-')[:60]}-{hashlib.sha256(of.encode()).hexdigest()[:12]}"
    cache = env.get("MCF_CACHE_DIR")
    if cache:
        return Path(cache) / name
    return Path(env.get("XDG_CACHE_HOME") or Path("~") / ".cache") / "mcf_pipeline" / name


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
        raise UsageError(f"MCF_API_KEY_FILE is {file!r}, which is not ASCII: put only the key into it") from None


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
        raise UsageError(f"{name} is {text!r}: give a whole number of at least 1, or unset it")
    return int(text)
