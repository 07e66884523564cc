"""Pictures that a source names by URL, downloaded once and kept.

URLs come from a data file, so they may be anything. Only http and https are followed, with at most `REDIRECTS`
redirects, and never to an IP address that is not public (`fusionrec.data.reading.connections`). For the same reason
neither proxies nor passwords are taken from the environment.
"""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from urllib3 import exceptions
from urllib3.util import Retry

from fusionrec import files
from fusionrec.data.reading.connections import Deadline, Forbidden, PublicAdapter, TimedAdapter
from fusionrec.data.reading.dataset import Rejection
from fusionrec.data.reading.pictures import Blobs, Pictures
from fusionrec.errors import UserError
from fusionrec.params import Count, Positive, Section

REDIRECTS = 3
PATIENCE = 10  # times the timeout: the longest that one response may take in all
BUSY = [429, 500, 502, 503, 504]  # these are tried again
CHUNK = 1 << 16
FILE_NAME = re.compile("[A-Za-z0-9_-]+")  # ids that can safely name a file in an archive


class Download(Section):
    """Limits of downloads; a source's `Options` extend this class.

    `connections` at a time; each URL is tried `attempts` times, and given up after `timeout` seconds of silence or
    more than `max_bytes`.
    """

    connections: Count
    attempts: Count
    timeout: Positive
    max_bytes: Count


class Failure(Exception):
    """There is no picture; the message is the reason."""


REASONS: dict[type[Exception], str] = {  # the first that matches
    Forbidden: "forbidden_address",
    requests.TooManyRedirects: "too_many_redirects",
    requests.Timeout: "timeout",
    exceptions.TimeoutError: "timeout",
    requests.exceptions.InvalidSchema: "bad_url",
    requests.exceptions.InvalidURL: "bad_url",
    exceptions.LocationValueError: "bad_url",
    ValueError: "bad_url",
    exceptions.HTTPError: "incomplete",
    requests.RequestException: "connection_failed",
}


def fetch(urls: dict[str, str], options: Download, extensions: list[str], private: bool = False) -> Pictures:
    """Download the pictures of items, `options.connections` at a time; what was kept is not downloaded again.

    Args:
        urls: item id -> URL.
        options: limits.
        extensions: allowed endings of a URL's path, in lower case, with the dot.
        private: allow IP addresses that are not public, for tests.

    Returns:
        The pictures in the order of their ids, and each failure with its reason: bad_url, unsafe_item_id,
        unknown_suffix, forbidden_address, too_many_redirects, connection_failed, timeout, incomplete,
        too_large, or http_<status>.
    """
    once = sorted({url for item, url in urls.items() if FILE_NAME.fullmatch(item)})
    with session(options, private) as web, ThreadPoolExecutor(options.connections) as pool:
        one = partial(_fetch, web=web, options=options, extensions=extensions)
        results = dict(zip(once, pool.map(one, once), strict=True))
    paths, names, refused = [], [], list[Rejection]()
    for item in sorted(urls):
        result = results[urls[item]] if FILE_NAME.fullmatch(item) else "unsafe_item_id"
        if isinstance(result, Path):
            paths.append(result)
            names.append(item + _suffix(urls[item]))
        else:
            refused.append(("pictures", None, item, result, urls[item][:500]))
    return Pictures(Blobs(paths, names), refused)


def _fetch(url: str, web: requests.Session, options: Download, extensions: list[str]) -> Path | str:
    """The file that holds the content of `url`, or the reason why there is none."""
    try:
        _check(url, extensions)
        path = cached(url)
        if not path.is_file():
            _store(path, _get(url, web, options))
        return path if path.stat().st_size <= options.max_bytes else "too_large"
    except Failure as failure:
        return str(failure)


def _check(url: str, extensions: list[str]) -> None:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failure("bad_url")
    except ValueError:
        raise Failure("bad_url") from None
    if _suffix(url) not in extensions:
        raise Failure("unknown_suffix")


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()


def cached(url: str) -> Path:
    """The file in which the content of `url` is kept."""
    key = hashlib.sha256(url.encode()).hexdigest()
    return files.cache_home() / "pictures" / key[:2] / key


def _store(path: Path, blob: bytes) -> None:
    try:
        with files.replacing(path) as scratch:
            scratch.write_bytes(blob)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); set $FUSIONREC_CACHE to another folder"
        ) from None


def _get(url: str, web: requests.Session, options: Download) -> bytes:
    with Deadline(PATIENCE * options.timeout) as deadline:
        try:
            with web.get(url, stream=True, timeout=options.timeout) as answer:
                if answer.status_code != 200:
                    raise Failure(f"http_{answer.status_code}")
                blob = _read(answer, options)
            if deadline.passed:  # then the end of the connection is not the end of the picture
                raise Failure("timeout")
            return blob
        except tuple(REASONS) as error:
            cause = requests.Timeout() if deadline.passed else _cause(error)
        raise Failure(next(why for kind, why in REASONS.items() if isinstance(cause, kind))) from None


def _cause(error: Exception) -> Exception:
    """The timeout that ended the last attempt, if `requests` hides it; else `error` itself."""
    hidden = getattr(error.args[0] if error.args else None, "reason", None)
    return hidden if isinstance(hidden, exceptions.ReadTimeoutError) else error


def _read(answer: requests.Response, options: Download) -> bytes:
    """The body as it was sent, in small parts, so that one that is too large is given up early."""
    blob = bytearray()
    while part := answer.raw.read1(CHUNK, decode_content=False):
        blob += part
        if len(blob) > options.max_bytes:
            raise Failure("too_large")
    return bytes(blob)


def session(options: Download, private: bool) -> requests.Session:
    """One session for all threads, with limits on attempts, redirects and, unless `private`, IP addresses."""
    web = requests.Session()
    web.trust_env, web.max_redirects = False, REDIRECTS
    web.headers.update({"User-Agent": "fusionrec", "Accept-Encoding": "identity"})
    retry = Retry(
        options.attempts - 1,
        redirect=False,
        status_forcelist=BUSY,
        backoff_factor=0.2,
        backoff_max=10,
        respect_retry_after_header=False,  # a server could ask for years
        raise_on_status=False,
    )
    web.adapters.clear()
    adapter = TimedAdapter if private else PublicAdapter
    for scheme in ("http://", "https://"):
        web.mount(scheme, adapter(pool_maxsize=options.connections, max_retries=retry))
    return web
