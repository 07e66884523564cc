"""Options and limits of the service. They are passed to each worker process."""

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = "FUSIONREC_TOKEN"  # the environment variable

# of one request
USERS = 100  # whom lists are made for
K = 200  # length of a list
CANDIDATES = 500  # that re-ranking and limits on categories choose from
IDS = 1_000  # of a history, or of excluded items
ID_LENGTH = 200  # characters
TEXT_LENGTH = 20_000  # characters of a title, description or text
JSON_BYTES = 2**20
UPLOAD_BYTES = 8 * 2**20
ADDED = 1_000  # items that may be added to a model
SCORES = 2**24  # a new item is ranked for as many users as need so many scores

# of a worker process
BODIES = 128 * 2**20  # bytes of all requests that are read at the same time
CONNECTIONS = 512
BATCH = 64  # lists in one matrix product
RETRY = 1  # seconds after which to ask again if the queue is full


@dataclass(frozen=True)
class Options:
    """How to serve.

    Attributes:
        model: the folder of a packed model, or a link to one.
        token: what requests must bring, as `Authorization: Bearer TOKEN`. None: nothing.
        encoders: whether new items are answered.
        exact: whether all items are scored even if the model has an index.
        seconds: limit on the time that a request may take to arrive, and again to be answered.
        waiting: how many lists may wait in a worker process.
        additions: the folder of items that are added. None: none can be.
        hosts: names by which a browser may call the service. None: any.
    """

    model: Path
    token: str | None = None
    encoders: bool = True
    exact: bool = False
    seconds: float = 10
    waiting: int = 1024
    additions: Path | None = None
    hosts: tuple[str, ...] | None = LOOPBACK
