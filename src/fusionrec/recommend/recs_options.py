"""Parameters of recommendation lists: the section `recs`."""

from typing import Annotated, Literal

from pydantic import Field

from fusionrec.params import Count, Id, Natural, Section


class Recs(Section):
    """`top_k` recommendations for each of `users`: a number of random users, `all`, or a list of user ids.

    `seed` draws the random users. `filter_seen` keeps items of a user's history out of the list. `exclude` lists ids
    of items that are never recommended. `category_limits` gives, by category, the largest number of items in a list
    that share a value. The gallery shows the first `gallery` users with the newest `history` items of each.
    """

    seed: Natural
    users: Count | Literal["all"] | Annotated[list[Id], Field(min_length=1)]
    top_k: Count
    filter_seen: bool
    exclude: list[Id]
    category_limits: dict[str, Count]
    gallery: Natural
    history: Natural
