"""Parameters of recommendation lists: the section `recs`."""

from typing import Annotated, Literal

from pydantic import Field

from fusionrec.params import Count, Id, Natural, Section


class Recs(Section):
    """`top_k` recommendations for `users`: so many at random (by `seed`), `all`, or those whose ids are listed.

    `filter_seen` keeps what a user chose out of the lists, `exclude` the items whose ids it lists; of one value of
    a category in `category_limits` a list has at most so many items. The gallery shows the first `gallery` users
    with their last `history` choices.
    """

    seed: Natural
    users: Count | Literal["all"] | Annotated[list[Id], Field(min_length=1)]
    top_k: Count
    filter_seen: bool
    exclude: list[Id]
    category_limits: dict[str, Count]
    gallery: Natural
    history: Natural
