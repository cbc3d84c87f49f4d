"""The live source: a dataset on an Opendatasoft portal (Explore API v2.1).

It is asked for the metadata and, where they have moved, for the whole export. What an answer means is decided here;
how it is sent and received is the work of `sources.http`.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from mcf_pipeline.contract.source import Format
from mcf_pipeline.contract.text import clean
from mcf_pipeline.errors import ContractError, SourceError, UsageError
from mcf_pipeline.reading.encoding import looks_like
from mcf_pipeline.settings import Settings
from mcf_pipeline.sources.answers import RefusedError, error_text
from mcf_pipeline.sources.base import Peek, Progress, Received
from mcf_pipeline.sources.body import TruncatedError
from mcf_pipeline.sources.http import Transport
from mcf_pipeline.sources.metadata import PortalMetadata, loads, parse_metadata

_CSV_OPTIONS = {"delimiter": ";", "with_bom": "true", "use_labels": "false"}
_LACKING = {400, 404}
"""What a portal answers to a format that it does not offer."""


class PortalSource:
    """Asks the portal that the settings name; see `sources.base.Source`.

    Args:
        settings: where the portal is, which dataset, the key, the limits.
        formats: the formats to ask for, in this order, until the portal has one.
        sleep: waits so many seconds between attempts.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        formats: Sequence[Format] = ("parquet", "csv"),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not _is_plain(settings.portal_url):
            raise UsageError(
                "MCF_PORTAL_URL is not the plain address of a portal: give one like "
                "https://opendata.example.fr; a key belongs in MCF_API_KEY"
            )
        if not re.fullmatch(r"[\w@][\w@.-]*", settings.dataset_id):
            raise UsageError(
                f"MCF_DATASET_ID is {clean(settings.dataset_id, 60)!r}: give an id like the one in the "
                "address of the dataset's page"
            )
        self.dataset_id = settings.dataset_id
        root = f"{settings.portal_url.rstrip('/')}/api/explore/v2.1/catalog/datasets/"
        self.url = root + quote(settings.dataset_id, safe="@")
        self._formats = tuple(formats)
        self._transport = Transport(settings.limits, settings.api_key, sleep=sleep)

    def __repr__(self) -> str:
        return f"PortalSource({self.url})"

    def metadata(self) -> PortalMetadata:
        """What the portal says of the dataset.

        Raises:
            RateLimitedError: it accepts no more requests for now.
            SourceError: it could not be reached, refused, or is no such portal.
            ContractError: what it says makes no sense.
        """
        what = f"metadata of {self.dataset_id}"
        with self._explained():
            answer = self._transport.get(self.url, {}, what)
        try:
            described = loads(answer.body)
        except ValueError as error:
            raise SourceError(
                f"{what}: {self.url} does not answer like an Opendatasoft portal "
                f"({looks_like(answer.body[:8192]) or 'text'} instead of JSON); check MCF_PORTAL_URL"
            ) from error
        return parse_metadata(described, self.dataset_id, self.url, answer.headers)

    def peek(self) -> Peek:
        """What shows at little cost whether there is something new; one small request, errors of `metadata`."""
        metadata = self.metadata()
        return Peek(metadata.data_processed, metadata.records_count)

    def earlier(self) -> tuple[()]:
        """A portal serves its newest release only."""
        return ()

    def fetch(self, into: Path, progress: Progress) -> Received:
        """Put the newest export into the folder `into`: ``export.parquet``, or else ``export.csv``.

        Raises:
            RateLimitedError: the portal accepts no more requests for now.
            SourceError: it could not be reached, or refused.
            ContractError: what came is no export, or not a whole one, or beyond a limit.
        """
        metadata = self.metadata()
        if metadata.is_restricted:
            raise ContractError(
                f"{self.dataset_id} has no line that we are allowed to read (has_records {metadata.has_records}, "
                f"data_visible {metadata.data_visible}, records_count {metadata.records_count}): "
                f"the dataset is empty or restricted; look at {self.url}, or give a key in MCF_API_KEY",
                rule="export_vide",
            )
        into.mkdir(parents=True, exist_ok=True)
        retrieved_at = dt.datetime.now(dt.UTC)
        path, format, origin = self._export(into, progress)
        return Received(
            path=path,
            format=format,
            origin=origin,
            retrieved_at=retrieved_at,
            data_processed=metadata.data_processed,
            records_count=metadata.records_count,
            fields=metadata.fields,
            licence=metadata.licence,
        )

    def _export(self, into: Path, progress: Progress) -> tuple[Path, Format, str]:
        *preferred, last = self._formats
        with self._explained():
            for format in preferred:
                try:
                    return self._download(format, into, progress)
                except RefusedError as error:
                    if error.status not in _LACKING:
                        raise
            return self._download(last, into, progress)

    def _download(self, format: Format, into: Path, progress: Progress) -> tuple[Path, Format, str]:
        url, path = f"{self.url}/exports/{format}", into / f"export.{format}"
        what = f"{format} export of {self.dataset_id}"
        params = {"limit": "-1"} | (_CSV_OPTIONS if format == "csv" else {})

        def check_head(head: bytes) -> None:
            _check_head(head, format, what, url)

        try:
            self._transport.download(url, params, what, path, progress, check_head)
            if format == "parquet":
                _check_parquet_tail(path, what)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path, format, url

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what a refusal means to the user, and what to do."""
        try:
            yield
        except RefusedError as error:
            said = f" ({error.detail})" if error.detail else ""
            if error.status == 404:
                raise SourceError(
                    f"{self.url} does not exist{said}: the portal knows no dataset {self.dataset_id!r}; "
                    "check MCF_DATASET_ID and MCF_PORTAL_URL"
                ) from error
            if error.status in {401, 403}:
                raise SourceError(
                    f"{self.url} denies us access (status {error.status}){said}: set MCF_API_KEY to a key "
                    "that may read it, or check the current one"
                ) from error
            raise


def _is_plain(url: str) -> bool:
    """Whether an address has a host, and neither user, password nor query."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port != 0) and "@" not in url and "?" not in url and "#" not in url
    except ValueError:
        return False


def _check_head(head: bytes, format: Format, what: str, url: str) -> None:
    """Refuse what is no export by its first bytes, before the rest is downloaded."""
    if not head:
        raise ContractError(f"{what} is empty (0 bytes): ask {url} again later", rule="export_vide")
    found = looks_like(head)
    if format == "parquet":
        found = None if found == "Parquet" else found or "text"
    if found is None:
        return
    text = ""
    with suppress(ValueError):
        content = loads(head) if found == "JSON" else None
        text = error_text(content) if isinstance(content, dict) else ""
    said = f" that says {text!r}" if text else ""
    raise ContractError(
        f"{what} is not {format} but {found}{said}: look at {url}, and try again later", rule="pas_un_export"
    )


def _check_parquet_tail(path: Path, what: str) -> None:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 4, 4))
        if file.read() != b"PAR1":
            raise TruncatedError(f"{what} ends before its footer; download it again")
