"""The routes that take a new item: to score it, or to add it to the catalogue."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, FastAPI, File, Form, Query, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from fusionrec.errors import UserError
from fusionrec.recommend.additions import Additions, ExistsError
from fusionrec.serve import options as limits
from fusionrec.serve import schemas, strict
from fusionrec.serve.answers import Served
from fusionrec.serve.schemas import PROBLEMS
from fusionrec.serve.service import Service

R = TypeVar("R", bound=schemas.Described)


class Sent(NamedTuple):
    """The fields of a form, and the picture."""

    fields: dict[str, Any]
    picture: bytes | None

    def request(self, kind: type[R], **further: Any) -> R:
        """The fields, and further ones, as a request.

        Raises:
            RequestValidationError: if they are none.
        """
        try:
            return kind.model_validate(self.fields | further)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None


async def _sent(
    image: Annotated[UploadFile | None, File(description="a picture")] = None,
    text: Annotated[str | None, Form(description="replaces what is composed of the following")] = None,
    title: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    categories: Annotated[str, Form(description="JSON: values by name")] = "{}",
    numbers: Annotated[str, Form(description="JSON: a number by name")] = "{}",
) -> Sent:
    fields = {"text": text or None, "title": title, "description": description}
    read = {"categories": _json("categories", categories), "numbers": _json("numbers", numbers)}
    return Sent(fields | read, None if image is None else await image.read() or None)


Description = Annotated[Sent, Depends(_sent)]


def add(app: FastAPI, service: Service) -> None:
    """Add the routes to an application."""

    def refuse(adding: bool) -> None:
        if not (service.options.encoders and service.current.served.scores_new_items):
            raise UserError("this service does not score new items")
        if adding and service.current.additions is None:
            raise UserError("this service does not add items; start it with --additions FOLDER")

    async def change(
        item_id: str, by: Callable[[Served, Additions], None], status: int = 200
    ) -> JSONResponse:
        """Change the items that were added, and serve what is there now."""

        def changed(served: Served) -> None:
            assert service.current.additions is not None
            by(served, service.current.additions)
            service.current.grow()

        await service.encoders.ask(changed)
        served = service.current.served
        answer = {"item_id": item_id, "items": len(served.catalogue.titles), "model": served.name}
        return JSONResponse(answer, status)

    @app.post("/v1/new-items", response_model=schemas.NewItemAnswer, responses=PROBLEMS)
    async def new_item(
        sent: Description,
        users: Annotated[str, Form(description="JSON: user ids; none: many users")] = "[]",
        histories: Annotated[str, Form(description="JSON: further item ids by user id")] = "{}",
        k: Annotated[int, Form(ge=1, le=limits.K)] = 10,
    ) -> JSONResponse:
        """Who would like a new item, and what is similar to it, from its picture, text and attributes."""
        refuse(adding=False)
        whom = {"users": _json("users", users), "histories": _json("histories", histories), "k": k}
        asked = sent.request(schemas.NewItemRequest, **whom)
        return JSONResponse(await service.encoders.ask(lambda served: served.new_item(asked, sent.picture)))

    @app.post("/v1/items", status_code=201, response_model=schemas.Changed, responses=PROBLEMS)
    async def add_item(sent: Description, item_id: Annotated[str, Form()]) -> JSONResponse:
        """Add an item to the catalogue: from now on it is recommended, and found among the items."""
        refuse(adding=True)
        asked = sent.request(schemas.AddRequest, item_id=item_id)
        if not (sent.picture or asked.text or asked.title or asked.description):
            raise UserError("give a picture, a title, a description or a text")

        def keep(served: Served, additions: Additions) -> None:
            if item_id in served.engine.items:
                raise ExistsError(f"{item_id}: there is such an item already")
            additions.add(item_id, asked.item(sent.picture), served.shop.preparer, served.name)

        try:
            return await change(item_id, keep, 201)
        except ExistsError:
            raise HTTPException(409, "there is such an item already") from None

    @app.delete("/v1/items", response_model=schemas.Changed, responses=PROBLEMS)
    async def remove_item(
        item: Annotated[str, Query(min_length=1, max_length=limits.ID_LENGTH)],
    ) -> JSONResponse:
        """Remove an item that was added."""
        refuse(adding=True)

        def remove(_: Served, additions: Additions) -> None:
            if not additions.remove(item):
                raise KeyError(item)

        try:
            return await change(item, remove)
        except KeyError:
            raise HTTPException(404, "no such item was added") from None


def _json(name: str, value: str) -> Any:
    try:
        return strict.loads(value)
    except ValueError:
        raise UserError(f"{name}: not JSON") from None
