"""What one writes in an afternoon, as a peer of `serving.py`: implicit behind FastAPI, with the same two routes.

    python tests/benchmarks/serving_peer.py USERS ITEMS WIDTH

Random factors, histories of ten items, one process, one thread for a product. It checks nothing that it is sent.
"""

import socket
import sys
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import BaseModel
from scipy.sparse import csr_matrix


class Asked(BaseModel):
    """Users, and items of baskets by user."""

    users: list[str]
    k: int = 10
    histories: dict[str, list[str]] = {}


def main(users: int, items: int, width: int) -> None:
    """Serve until it is stopped; print the address first."""
    app = application(users, items, width)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        print(f"serving at http://127.0.0.1:{listening.getsockname()[1]} now", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning"))
        server.run(sockets=[listening])


def application(users: int, items: int, width: int) -> FastAPI:
    """Routes over a model that has factors, as if it had been trained."""
    draw = np.random.default_rng(0)
    model = AlternatingLeastSquares(factors=width, num_threads=1)
    model.user_factors = draw.standard_normal((users, width), np.float32)
    model.item_factors = draw.standard_normal((items, width), np.float32)
    rows, columns = np.repeat(np.arange(users), 10), draw.integers(0, items, users * 10)
    chosen = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(users, items))
    user_rows = {f"u{row:06}": row for row in range(users)}
    item_ids = [f"i{row:06}" for row in range(items)]
    item_rows = {item_id: row for row, item_id in enumerate(item_ids)}
    titles = [f"A title of some words {row}" for row in range(items)]
    app = FastAPI()

    def lists(asked: list[str], found: Any, scores: Any) -> dict[str, Any]:
        return {
            "lists": [
                {
                    "user_id": user,
                    "items": [
                        {"rank": rank, "item_id": item_ids[item], "title": titles[item], "score": score}
                        for rank, (item, score) in enumerate(zip(own, scored, strict=True), 1)
                    ],
                }
                for user, own, scored in zip(asked, found.tolist(), scores.tolist(), strict=True)
            ]
        }

    @app.get("/ready")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/v1/recommendations")
    def one(user: str, k: int = 10) -> dict[str, Any]:
        row = np.array([user_rows[user]])
        return lists([user], *model.recommend(row, chosen[row], N=k))

    @app.post("/v1/recommendations")
    def many(asked: Asked) -> dict[str, Any]:
        if asked.histories:
            baskets = [[item_rows[item] for item in asked.histories[user]] for user in asked.users]
            ends = np.cumsum([0, *map(len, baskets)])
            shape = len(baskets), items
            own = csr_matrix((np.ones(ends[-1], np.float32), np.concatenate(baskets), ends), shape=shape)
            found = model.recommend(np.arange(len(baskets)), own, N=asked.k, recalculate_user=True)
        else:
            rows = np.array([user_rows[user] for user in asked.users])
            found = model.recommend(rows, chosen[rows], N=asked.k)
        return lists(asked.users, *found)

    return app


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
