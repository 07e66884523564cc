"""Parameters of picture checks: the section `images`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from fusionrec.params import Count, Section


class Images(Section):
    """Which pictures are accepted, and how they are re-encoded.

    Pictures are refused if their format is not one of `formats`, an edge is below `min_edge`, or they have more
    than `max_pixels`. A picture above `max_bytes` or `max_edge` is re-encoded at `quality` with `longest_edge`.
    Pictures whose perceptual hashes differ in at most `near_distance` of 64 bits, and whose colours differ in at
    most `near_colour`, are near duplicates (see `fusionrec.data.colour_layout.points`).
    """

    formats: Annotated[list[Literal["jpeg", "png", "webp"]], Field(min_length=1)]
    min_edge: Count
    max_pixels: Count
    max_bytes: Count
    max_edge: Count
    longest_edge: Count
    quality: Annotated[int, Field(ge=1, le=95)]
    near_distance: Annotated[int, Field(ge=0, le=16)]
    near_colour: Annotated[float, Field(ge=0, le=4)] | None
    before: ClassVar[dict[str, Any]] = {"near_colour": None}
