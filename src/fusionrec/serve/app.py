"""The routes of the service, their types, and how errors are told."""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from fusionrec.errors import UserError
from fusionrec.serve import new_items, schemas, strict
from fusionrec.serve import options as limits
from fusionrec.serve.batching import FullError
from fusionrec.serve.guard import Guard
from fusionrec.serve.options import Options
from fusionrec.serve.schemas import PROBLEMS
from fusionrec.serve.service import Service

PAGE = Path(__file__).with_name("page.html")
PATH = re.compile(
    r"(?<!\w)(?:~|\.{1,2})?/[\w.~-]+(?:/|\.\w)|[A-Za-z]:\\|\bdata/\w+|\.(?:json|safetensors|parquet)\b"
)
ItemId = Annotated[str, Query(min_length=1, max_length=limits.ID_LENGTH)]
Length = Annotated[int, Query(ge=1, le=limits.K)]


def create(options: Options) -> FastAPI:
    """The application of a worker process.

    Raises:
        UserError: if the model cannot be loaded.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # broken forms are answered, not logged
    service = Service(options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(service.current.watch())
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        service.lists.close()
        service.encoders.close()

    app = FastAPI(
        title="FusionRec",
        description="Recommendations of a trained model: for users, for baskets, and for new items.",
        docs_url=None,  # these two pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.router.route_class = strict.StrictRoute
    _add_answers(app, service)
    _add_catalogue(app, service)
    new_items.add(app, service)
    _add_operations(app, service)
    for kind, handler in {
        RequestValidationError: _invalid,
        UserError: _refused,
        FullError: _full,
        HTTPException: _http,
    }.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Guard, options=options, metrics=service.metrics)
    return app


def _add_answers(app: FastAPI, service: Service) -> None:
    @app.post("/v1/recommendations", response_model=schemas.Lists, responses=PROBLEMS)
    async def recommend(request: schemas.ListsRequest) -> Response:
        """Lists for known users, or for baskets: see `histories`."""
        return JSONResponse(await service.lists.ask(request, len(request.users)))

    @app.get("/v1/recommendations", response_model=schemas.Lists, responses=PROBLEMS)
    async def recommend_to(user: ItemId, k: Length = 10) -> Response:
        """The list of one known user."""
        return JSONResponse(await service.lists.ask(schemas.ListsRequest(users=[user], k=k)))

    @app.get("/v1/similar", response_model=schemas.Similar, responses=PROBLEMS)
    async def similar(item: ItemId, k: Length = 10, by: str = "model") -> Response:
        """The items that are most similar to an item, by the vectors of the model or of one of its inputs."""
        if by not in service.current.served.similar_by:
            raise UserError(f"by: one of {', '.join(service.current.served.similar_by) or 'none'}")
        try:
            return JSONResponse(await service.lists.ask(lambda served: served.similar(item, k, by)))
        except KeyError:
            raise HTTPException(404, "there is no such item") from None


def _add_catalogue(app: FastAPI, service: Service) -> None:
    @app.get("/v1/items", response_model=schemas.Items, responses=PROBLEMS)
    async def items(
        query: Annotated[str, Query(max_length=200)] = "",
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        k: Length = 24,
    ) -> Response:
        """Items whose title or id contains all words of a query."""
        return JSONResponse(await service.lists.ask(lambda served: served.items(query, offset, k)))

    @app.get("/v1/picture", response_class=Response, responses=PROBLEMS)
    async def picture(item: ItemId) -> Response:
        """The thumbnail of an item, a JPEG."""
        blob = await asyncio.to_thread(service.current.served.catalogue.picture, item)
        if blob is None:
            raise HTTPException(404, "there is no such picture")
        return Response(blob, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})

    @app.get("/v1/info", response_model=schemas.Info, responses=PROBLEMS)
    async def info() -> Response:
        """What the service can answer."""
        options = service.options
        added = options.additions is not None
        return JSONResponse(await service.lists.ask(lambda served: served.info(options.encoders, added)))


def _add_operations(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process runs."""
        return {"status": "ok"}

    @app.get("/ready", responses={503: PROBLEMS[503]})
    async def ready() -> dict[str, str]:
        """Whether a model is loaded, and the queue has room."""
        if service.lists.queued >= service.options.waiting:
            raise FullError
        return {"status": "ready"}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Metrics for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> Response:
        text, policy = _page()
        return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


@cache
def _page() -> tuple[str, str]:
    """The page, and a policy that allows its own script and style, and nothing else."""
    import base64

    text = PAGE.read_text(encoding="utf-8")
    hashes = {}
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        hashes[tag] = f"{tag}-src 'sha256-{digest}'"
    rest = "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return text, f"default-src 'none'; {hashes['script']}; {hashes['style']}; {rest}"


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


async def _invalid(_: Request, error: Any) -> Response:
    """Say what is wrong where; never repeat what was sent."""
    problems = [f"{'.'.join(map(str, one['loc']))[:100]}: {one['msg'][:200]}" for one in error.errors()[:5]]
    return _problem(422, "; ".join(problems))


async def _refused(_: Request, error: Any) -> Response:
    """The message of an error of the library, unless it speaks of files of this machine."""
    detail = str(error)[:500]
    return _problem(422, "the request cannot be answered" if PATH.search(detail) else detail)


async def _full(_: Request, error: Any) -> Response:
    return _problem(503, "too many requests at a time", {"Retry-After": str(limits.RETRY)})


async def _http(_: Request, error: Any) -> Response:
    return _problem(error.status_code, str(error.detail), error.headers)
