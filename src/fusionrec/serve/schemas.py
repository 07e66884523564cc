"""The types of requests and answers. Values of another type, unknown keys, NaN and infinity are refused."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fusionrec.recommend.new_items import NewItem
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.serve import options as limits

Id = Annotated[str, StringConstraints(min_length=1, max_length=limits.ID_LENGTH)]
Ids = Annotated[list[Id], Field(max_length=limits.IDS)]
Long = Annotated[str, StringConstraints(max_length=limits.TEXT_LENGTH)]
Length = Annotated[int, Field(ge=1, le=limits.K)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Reranking(_Request):
    """How a list is picked from a user's best candidates; see docs/baselines.md."""

    method: Literal["none", "weighted", "mmr", "dpp", "calibrated"] = "none"
    max_candidates: Annotated[int, Field(ge=1, le=limits.CANDIDATES)] = 100
    strength: Share = 0.3
    novelty: Share = 0

    @model_validator(mode="after")
    def _valid(self) -> "Reranking":
        self.options()
        return self

    def options(self) -> Rerank:
        """The same for `fusionrec.recommend`."""
        return Rerank(**self.model_dump())


class ListsRequest(_Request):
    """Whom to recommend to, and by which rules.

    `histories` are item ids by user id, oldest first: further choices of `users`, who may be unknown. A basket is the
    history of a user whom you name as you like.
    """

    users: Annotated[list[Id], Field(min_length=1, max_length=limits.USERS)]
    k: Length = 10
    histories: Annotated[dict[Id, Ids], Field(max_length=limits.USERS)] = {}
    filter_seen: bool = True
    exclude: Ids = []
    category_limits: Annotated[dict[Id, Annotated[int, Field(ge=1, le=limits.K)]], Field(max_length=20)] = {}
    rerank: Reranking = Reranking()


class Described(_Request):
    """What is known of a new item, besides its picture; see `fusionrec.api.FusionRec.score_new_item`."""

    text: Long | None = None
    title: Long = ""
    description: Long = ""
    categories: Annotated[dict[Id, Annotated[list[Id], Field(max_length=100)]], Field(max_length=100)] = {}
    numbers: Annotated[dict[Id, float], Field(max_length=100)] = {}

    def item(self, picture: bytes | None) -> NewItem:
        """The same for `fusionrec.recommend`."""
        categories = {name: [*values] for name, values in self.categories.items()}
        return NewItem(picture, self.text, self.title, self.description, categories, {**self.numbers})


class NewItemRequest(Described):
    """A new item, and whom it is scored for."""

    users: Annotated[list[Id], Field(max_length=limits.USERS)] = []
    histories: Annotated[dict[Id, Ids], Field(max_length=limits.USERS)] = {}
    k: Length = 10


class AddRequest(Described):
    """A new item that joins the catalogue."""

    item_id: Id


class Recommended(BaseModel):
    """An item of a list; `score` compares items of the same list only."""

    rank: int
    item_id: str
    title: str
    score: float


class UserList(BaseModel):
    """The list of a user. `basis` is history, or popularity if nothing is known of the user."""

    user_id: str
    basis: Literal["history", "popularity"]
    items: list[Recommended]


class Lists(BaseModel):
    """A list for each user. `unknown_items` of the histories are not in the catalogue, and were ignored."""

    lists: list[UserList]
    unknown_items: int
    model: str


class SimilarItem(BaseModel):
    """An item that is similar to another one."""

    rank: int
    item_id: str
    title: str
    cosine: float


class Similar(BaseModel):
    """The most similar items; none if the item has no vector to compare by."""

    items: list[SimilarItem]
    model: str


class Audience(BaseModel):
    """A user, and the rank that the new item has in the user's list; none for users of whom nothing is known."""

    user_id: str
    rank: int | None
    score: float | None
    basis: Literal["history", "popularity"]


class NewItemAnswer(BaseModel):
    """Who would like a new item, best rank first, and the items that are most similar to it.

    `ranked_for` is the number of users among whom `users` are the first; in a large shop these are a sample.
    """

    users: list[Audience]
    ranked_for: int
    similar: list[SimilarItem]
    model: str


class Item(BaseModel):
    """An item of the catalogue."""

    item_id: str
    title: str
    picture: bool


class Items(BaseModel):
    """Some items of the catalogue, and how many match."""

    items: list[Item]
    total: int
    model: str


class Changed(BaseModel):
    """An item that was added or removed, and how many items there are now."""

    item_id: str
    items: int
    model: str


class Info(BaseModel):
    """What the service can answer."""

    model: str
    items: int
    users: int
    similar_by: list[str]
    categories: dict[str, list[str]]
    numbers: list[str]
    new_items: bool
    additions: bool


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        401: "The token is missing or wrong",
        404: "There is no such thing",
        408: "The request did not arrive in time",
        409: "There is such an item already",
        413: "The body is too large",
        422: "The request is not valid",
        503: "The queue is full; `Retry-After` says when to ask again",
    }.items()
}
