"""Items that are added to a service: found, shown, recommended by all workers, kept over a restart, removed."""

import json
import time
from pathlib import Path
from typing import Any

from fusionrec.api import FusionRec
from fusionrec.recommend.new_items import NewItem
from fusionrec.serve.schemas import Changed

from ..recommend import shop
from .conftest import Answer, Client, serving
from .test_answers import same

FIELDS: dict[str, str | bytes] = {"title": "An amber boat", "categories": '{"genres": ["comedy"]}'}


def add(client: Client, item_id: str, **fields: str | bytes) -> Answer:
    return client.upload({"item_id": item_id, **fields}, "/v1/items")


def listed(client: Client) -> Any:
    """Everything that is recommended to a user, by whichever worker answers."""
    request = {"users": ["u3"], "k": shop.ITEMS + 5}
    return client.post("/v1/recommendations", request).json["lists"][0]["items"]


def until_added(client: Client, there: bool) -> None:
    """Wait until each worker is seen to have the item, or not to have it, twenty times in a row."""
    right = 0
    for _ in range(600):
        has = "n/1" in {one["item_id"] for one in listed(client)}
        right = right + 1 if has == there else 0
        if right == 20:
            return
        time.sleep(0.05)
    raise AssertionError


def test_an_item_joins_the_catalogue(pack: Path, open_shop: FusionRec, tmp_path: Path) -> None:
    options = ["--additions", str(tmp_path / "added"), "--seconds", "60"]
    with serving(pack, tmp_path / "log", *options, "--workers", "2") as client:
        assert client.get("/v1/info").json["additions"] is True
        made = add(client, "n/1", image=shop.picture(40), **FIELDS)
        assert made.status == 201, made.body
        Changed.model_validate(made.json, strict=True)
        assert made.json["items"] == shop.ITEMS + 1
        until_added(client, there=True)
        item = NewItem(shop.picture(40), title="An amber boat", categories={"genres": ["comedy"]})
        table = open_shop.with_items({"n/1": item}).recommend(["u3"], shop.ITEMS + 5)
        same(listed(client), table[["rank", "item_id", "title", "score"]].to_dict("records"))
        found = client.get("/v1/items?query=amber").json["items"]
        assert found == [{"item_id": "n/1", "title": "An amber boat", "picture": True}]
        assert client.get("/v1/picture?item=n%2F1").body[:2] == b"\xff\xd8"
        assert len(client.get("/v1/similar?item=n%2F1").json["items"]) == 10
        for item_id in ("n/1", "i03"):
            assert add(client, item_id, **FIELDS).status == 409
    with serving(pack, tmp_path / "log", *options, "--workers", "2") as client:
        assert "n/1" in {one["item_id"] for one in listed(client)}, "it is kept"
        assert client.ask("DELETE", "/v1/items?item=n%2F1").status == 200
        until_added(client, there=False)
        assert client.ask("DELETE", "/v1/items?item=n%2F1").status == 404
        assert client.ask("DELETE", "/v1/items?item=i03").status == 404, "not what was trained on"
        refused = {
            add(client, "n", **fields).status
            for fields in (  # type: dict[str, str | bytes]
                {},
                {"image": b"no picture"},
                {"title": "x", "categories": '{"director": ["x"]}'},
                {"title": "x", "numbers": "{"},
            )
        } | {add(client, item_id, **FIELDS).status for item_id in ("", "n" * 201)}
        assert refused == {422} and list((tmp_path / "added").iterdir()) == []


def test_only_where_it_is_allowed(service: Client) -> None:
    refused = add(service, "n", **FIELDS)
    assert refused.status == 422 and "--additions" in refused.json["detail"]
    assert service.ask("DELETE", "/v1/items?item=i03").status == 422
    assert service.get("/v1/info").json["additions"] is False
    assert "post" in json.loads(service.get("/openapi.json").body)["paths"]["/v1/items"]
