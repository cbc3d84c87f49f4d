"""An S3 bucket as the rest of this package needs it: list, read, write under a condition; errors in one line.

What does not belong here: what the objects are.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mcf_pipeline.errors import PipelineError, StoreError, UsageError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.settings import ENDPOINTS, Limits

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16
"""Requests under way at the same time: most objects are a few kilobytes, and waiting is all that they cost."""
REQUEST = dt.timedelta(minutes=10)
"""The longest one request may take; the largest object, a published file, has some 20 MB."""
SHA256 = "sha256"
"""The object's attribute that says what its bytes should be."""
RETRIED = dt.timedelta(minutes=3)
"""After this time no request is tried again, however often it was: signatures grow old."""


class ConflictError(Exception):
    """The object is there already, or is not the one that was to be replaced."""


class MissingError(Exception):
    """There is no such object."""


class _NotOfferedError(Exception):
    """The store writes only without a condition."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a listing.

    Attributes:
        key: its name below the prefix.
        etag: changes with its content.
        size: bytes.
        modified: when it was written.
    """

    key: str
    etag: str
    size: int
    modified: dt.datetime


class Objects:
    """The objects below one URL.

    Args:
        url: ``s3://bucket/prefix``.
        limits: how long and how often to try.

    Attributes:
        requests: how many were made of each kind; attempts that were repeated count once.
        sent: bytes of the objects that were written.
        received: bytes of the objects that were read.
    """

    def __init__(self, url: str, limits: Limits) -> None:
        self.url = url
        self._limits = limits
        self.requests: dict[str, int] = {}
        self.sent = self.received = 0

    @cached_property
    def _store(self) -> S3Store:
        try:
            from obstore.store import S3Store
        except ImportError as error:
            raise UsageError(
                f"{self.url} needs the extra `cluster`, which is not installed: `pip install '.[cluster]'` in the "
                "checkout (or `make cluster`)"
            ) from error
        endpoint = next((url for name in ENDPOINTS if (url := os.environ.get(name))), None)
        options: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        longest = min(15.0, self._limits.max_wait)
        if provider := _profile():
            options["credential_provider"] = provider
        try:
            return S3Store.from_url(
                self.url,
                # An address that was set with http:// is meant.
                client_options={
                    "allow_http": bool(endpoint and endpoint.startswith("http://")),
                    "connect_timeout": dt.timedelta(seconds=self._limits.connect_timeout),
                    "read_timeout": dt.timedelta(seconds=self._limits.read_timeout),
                    "timeout": REQUEST,
                },
                retry_config={
                    "max_retries": self._limits.store_attempts - 1,
                    "retry_timeout": RETRIED,
                    "backoff": {
                        "init_backoff": dt.timedelta(seconds=min(0.25, longest / 2)),
                        "max_backoff": dt.timedelta(seconds=longest),
                        "base": 2,
                    },
                },
                **options,
            )
        except Exception as error:
            raise self._explained(error) from None

    # -- one object --------------------------------------------------------------------------------------

    def listed(self, prefix: str) -> Iterator[Found]:
        """The objects whose names begin with a folder."""
        import obstore

        with self._asking("list"):
            for page in obstore.list(self._store, prefix, chunk_size=1000):
                self._count("pages")
                for meta in page:
                    yield Found(meta["path"], meta["e_tag"] or "", meta["size"], meta["last_modified"])

    def read(self, key: str) -> tuple[bytes, str]:
        """An object and its etag.

        Raises:
            MissingError: there is none.
        """
        import obstore

        with self._asking("get"):
            found = obstore.get(self._store, key)
            content = bytes(found.bytes())
            self.received += len(content)
            return content, found.meta["e_tag"] or ""

    def fetch(self, key: str, target: Path) -> str:
        """Write an object to a file; returns the SHA-256 that it was written with.

        Raises:
            MissingError: there is none.
        """
        import obstore

        with self._asking("get"), target.open("wb") as file:
            found = obstore.get(self._store, key)
            for chunk in found.stream():
                self.received += file.write(chunk)
            return str(found.attributes.get(SHA256, ""))

    def write(self, key: str, content: bytes | Path, *, instead_of: str | None = None, new: bool = False) -> str:
        """Write an object in one step; returns its etag.

        Args:
            key: its name.
            content: bytes, or the file that holds them.
            instead_of: the etag of the only object that may be replaced.
            new: whether there must be none yet.

        Raises:
            ConflictError: the condition does not hold.
        """
        mode: Any = "create" if new else {"e_tag": instead_of} if instead_of else "overwrite"
        try:
            return self._put(key, content, mode)
        except _NotOfferedError:
            # Two machines that write in the same moment are not kept apart then; docs/object-store.md says so.
            log.warning("%s does not support conditional writes: use it from one machine at a time", self.url)
            if self._etag(key) != instead_of:
                raise ConflictError from None
            return self._put(key, content, "overwrite")

    def _put(self, key: str, content: bytes | Path, mode: Any) -> str:
        import obstore

        # Part of the object, so that its bytes and what they should be are written in one step.
        of = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256_of(content)
        with self._asking("put"):
            # In one request also where it is large: a killed upload in parts stays in the bucket, unseen and paid for.
            put = obstore.put(self._store, key, content, mode=mode, use_multipart=False, attributes={SHA256: of})
        self.sent += len(content) if isinstance(content, bytes) else content.stat().st_size
        return put["e_tag"] or ""

    def _etag(self, key: str) -> str | None:
        import obstore

        try:
            with self._asking("head"):
                return obstore.head(self._store, key)["e_tag"]
        except MissingError:
            return None

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is gone already is no error."""
        import obstore

        listed = list(keys)
        if listed:
            with self._asking("delete"):
                obstore.delete(self._store, listed)

    # -- many --------------------------------------------------------------------------------------------

    def each(self, do: Callable[[T], R], these: Iterable[T]) -> list[R]:
        """Call a function of this class for several things, some at the same time."""
        listed = list(these)
        if len(listed) < 2:
            return [do(one) for one in listed]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(do, listed))

    # -- what went wrong ---------------------------------------------------------------------------------

    def _count(self, kind: str) -> None:
        self.requests[kind] = self.requests.get(kind, 0) + 1

    @contextmanager
    def _asking(self, kind: str) -> Iterator[None]:
        self._count(kind)
        try:
            yield
        except (PipelineError, GeneratorExit):
            raise
        except Exception as error:
            # Without where it came from: a library's own text may quote a request.
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> Exception:
        """The error that the caller, or the user, can act on."""
        from obstore import exceptions as obs

        if isinstance(error, (obs.AlreadyExistsError, obs.PreconditionError)):
            return ConflictError()
        text = str(error)
        code = next(iter(re.findall(r"<Code>(\w+)</Code>", text)), "")
        status = next(iter(re.findall(r"status code: (\d{3}[ A-Za-z]*)", text)), "")
        said = ", ".join(filter(None, (status.strip(), code)))
        if code == "NoSuchBucket":
            return StoreError(
                f"there is no bucket for {self.url}: create it, or correct MCF_DATA_DIR (or --data-dir), AWS_REGION "
                "and AWS_ENDPOINT_URL"
            )
        if isinstance(error, (FileNotFoundError, obs.NotFoundError)):
            return MissingError()
        if isinstance(error, OSError):
            return error
        if status[:3] in ("401", "403", "400") or isinstance(
            error, (obs.PermissionDeniedError, obs.UnauthenticatedError)
        ):
            return StoreError(
                f"{self.url} refuses access ({said or 'denied'}): check the credentials (AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role), the region, and their permissions"
            )
        if status[:3] == "501" or "not yet implemented" in text or isinstance(error, obs.NotSupportedError):
            return _NotOfferedError()
        if "169.254." in text or "redential" in text:
            return StoreError(
                f"no credentials for {self.url}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
                "give the machine a role"
            )
        return StoreError(
            f"{self.url} cannot be reached ({said or _first_line(text)}), after several attempts: run again later "
            "to continue from what was written"
        )


def _first_line(text: str) -> str:
    """How a library says that no answer came, without the address of the request."""
    line = re.sub(r"https?://\S+", "…", text.splitlines()[0] if text else "no answer")
    return line[:160].rstrip()


def _profile() -> Any:
    """What reads a profile's credentials, where the environment has none of its own and there are profiles.

    The library knows the environment, web identities, and the roles of machines and containers; profiles (with
    single sign-on, assumed roles and programs) are boto3's.
    """
    env: Mapping[str, str] = os.environ
    own = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE")
    files = (
        Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser(),
        Path(env.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser(),
    )
    if not env.get("AWS_PROFILE") and (any(map(env.get, own)) or not any(file.is_file() for file in files)):
        return None
    import boto3
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider(boto3.Session())
    except BotoCoreError as error:
        raise StoreError(f"the profile of AWS_PROFILE cannot be used: {_first_line(str(error))}") from None
    except ValueError:
        return None  # the files have no credentials: there may be a role
