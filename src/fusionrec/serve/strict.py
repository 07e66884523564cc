"""Reads JSON strictly: a key that stands twice, NaN, infinity, and nesting that is too deep are errors."""

import json
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


def loads(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        json.JSONDecodeError: if the text is not JSON in UTF-8, or one of the above.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(decoded, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error)[:200], "", 0) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class StrictRequest(Request):
    """A request whose body is read by `loads`."""

    async def json(self) -> Any:
        """The body."""
        return loads(await self.body())


class StrictRoute(APIRoute):
    """A route whose requests are strict."""

    def get_route_handler(self) -> Any:
        """The handler, on a `StrictRequest`."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            answer: Response = await handler(StrictRequest(request.scope, request.receive))
            return answer

        return strict
