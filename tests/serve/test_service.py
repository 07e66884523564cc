"""The service as a process: routes, types, who may ask, and what it says of errors."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import BaseModel

from fusionrec.api import FusionRec
from fusionrec.recommend import packing
from fusionrec.serve.schemas import Info, Items, Lists, NewItemAnswer, Similar

from ..recommend import shop
from .conftest import ROOT, Client, serving
from .test_answers import REQUESTS, by_api, same


def test_lists_equal_those_of_the_api(service: Client, open_shop: FusionRec) -> None:
    for request in REQUESTS:
        answer = service.post("/v1/recommendations", request)
        assert answer.status == 200, answer.body
        Lists.model_validate(answer.json, strict=True)
        same(answer.json["lists"], by_api(open_shop, request))
    one = service.get("/v1/recommendations?user=u3&k=4")
    same(one.json["lists"], by_api(open_shop, REQUESTS[0]))


def test_every_answer_has_its_declared_type(service: Client) -> None:
    kinds: dict[str, type[BaseModel]] = {
        "/v1/similar?item=i05": Similar,
        "/v1/items?k=3": Items,
        "/v1/info": Info,
    }
    for path, kind in kinds.items():
        kind.model_validate(service.get(path).json, strict=True)
    uploaded = service.upload({"image": shop.picture(0), "title": "a red boat", "numbers": '{"year": 1990}'})
    NewItemAnswer.model_validate(uploaded.json, strict=True)
    declared = service.get("/openapi.json").json
    assert {"/v1/recommendations", "/v1/similar", "/v1/new-items", "/health", "/metrics"} <= {
        *declared["paths"]
    }
    assert service.get("/docs").status == 404


def test_a_new_item_by_form(service: Client, open_shop: FusionRec) -> None:
    fields: dict[str, str | bytes] = {
        "image": shop.picture(1),
        "text": "a red boat",
        "users": '["u1", "b"]',
        "histories": '{"b": ["i02"]}',
    }
    answer = service.upload(fields)
    table = open_shop.score_new_item(
        shop.picture(1), "a red boat", users=["u1", "b"], histories={"b": ["i02"]}
    ).set_index("user_id")
    for one in answer.json["users"]:
        assert one["rank"] == table.loc[one["user_id"], "rank"]
        assert one["score"] == pytest.approx(table.loc[one["user_id"], "score"], abs=1e-6)
    for wrong, message in {
        "numbers": '{"year": "old"}',
        "categories": '{"genres": "comedy"}',
        "users": "[1]",
        "histories": "[",
        "k": "0",
    }.items():
        refused = service.upload({wrong: message})
        assert refused.status == 422 and wrong in refused.json["detail"], refused.body
    assert service.upload({"image": b"no picture"}).json["detail"].startswith("image: ")
    assert "director" in service.upload({"categories": '{"director": ["x"]}'}).json["detail"]


def test_pictures_and_the_page(service: Client) -> None:
    picture = service.get("/v1/picture?item=i05")
    assert picture.headers["content-type"] == "image/jpeg" and picture.body[:2] == b"\xff\xd8"
    assert (
        service.get("/v1/picture?item=i03").status == service.get("/v1/picture?item=..%2Fetc").status == 404
    )
    page = service.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and policy.count("sha256-") == 2
    assert not re.search(rb"(src|href)=.?https?:|innerHTML|insertAdjacentHTML|document\.write", page.body)
    assert page.headers["x-content-type-options"] == "nosniff"


def test_who_may_ask(service: Client) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
    ):
        assert service.get("/v1/info", **headers).status == 421
    assert service.get("/v1/info", Host="localhost:1").status == 200
    assert service.get("/v1/info", Sec_Fetch_Site="cross-site").status == 403
    assert service.get("/v1/info", Sec_Fetch_Site="same-origin").status == 200


def test_metrics_count_requests(service: Client) -> None:
    def count() -> float:
        text = service.get("/metrics").body.decode()
        found = re.search(r'fusionrec_requests_total\{route="/v1/info",status="200"\} (\S+)', text)
        return float(found[1]) if found else 0

    before = count()
    service.get("/v1/info")
    assert count() == before + 1


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fusionrec", "serve", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_it_listens_to_this_machine_only_unless_there_is_a_token(pack: Path, tmp_path: Path) -> None:
    refused = command(str(pack), "--host", "0.0.0.0")
    assert refused.returncode == 1 and "without authentication" in refused.stderr
    assert "FUSIONREC_TOKEN" in refused.stderr
    gone = command(str(tmp_path))
    assert gone.returncode == 1 and "fusionrec pack" in gone.stderr
    arguments = "--without-new-items", "--host", "127.0.0.1"
    with serving(pack, tmp_path / "log", *arguments, FUSIONREC_TOKEN="sesame") as client:
        assert client.get("/v1/info").status == client.get("/metrics").status == 401
        assert client.get("/v1/info", Authorization="Bearer wrong").status == 401
        assert client.get("/v1/info", Authorization="Bearer sesame").json["new_items"] is False
        assert client.get("/health").status == client.get("/").status == 200
        headers = {"Authorization": "Bearer sesame", "content_type": "multipart/form-data; boundary=="}
        form = b'--=\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n--=--\r\n'
        assert client.ask("POST", "/v1/new-items", form, **headers).status == 422


def test_a_model_that_is_damaged_ends_it(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "pack.json").write_text((pack / packing.LIST).read_text())
    done = command(str(tmp_path), "--port", "0")
    assert done.returncode == 1, done.stderr
    assert "has no SHA256SUMS" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_models_are_swapped_and_workers_killed_under_load(pack: Path, built: Path, tmp_path: Path) -> None:
    """No request fails while the link changes; after kill -9 the other worker and a new one answer."""
    other = tmp_path / "other"
    packing.pack(other, built / "model", built / "splits")
    link = tmp_path / "current"
    link.symlink_to(pack)
    failures, names, stop = list[str](), set[str](), threading.Event()
    tolerant = threading.Event()

    def load(client: Client) -> None:
        while not stop.is_set():
            try:
                answer = client.get("/v1/recommendations?user=u3&k=4")
                names.add(answer.json["model"])
                if answer.status != 200:
                    failures.append(str(answer))
            except (OSError, json.JSONDecodeError) as error:
                if not tolerant.is_set():
                    failures.append(repr(error))

    with serving(link, tmp_path / "log", "--workers", "2", "--without-new-items") as client:
        threads = [threading.Thread(target=load, args=(client,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        (tmp_path / "next").symlink_to(other)
        (tmp_path / "next").replace(link)
        deadline = time.monotonic() + 60
        while len(names) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert failures == [] and len(names) == 2
        tolerant.set()  # what the killed worker had begun is lost
        children = subprocess.run(
            ["pgrep", "-P", str(client.process.pid), "-f", "spawn_main"], capture_output=True
        )
        first, second = map(int, children.stdout.split())
        os.kill(first, signal.SIGKILL)
        time.sleep(0.5)
        assert client.get("/v1/recommendations?user=u3").status == 200
        tolerant.clear()
        time.sleep(5)
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        again = subprocess.run(
            ["pgrep", "-P", str(client.process.pid), "-f", "spawn_main"], capture_output=True
        )
        assert second in map(int, again.stdout.split()) and len(again.stdout.split()) == 2


@pytest.mark.slow
def test_the_benchmark_runs() -> None:
    script = [sys.executable, str(ROOT / "tests/benchmarks/serving.py")]
    sizes = ["--users", "300", "--items", "300", "--seconds", "1", "--rate", "20"]
    done = subprocess.run([*script, *sizes], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = 2 if find_spec("implicit") else 1
    assert done.stdout.count("ms of CPU a list") == 5 * services and "not shared" in done.stdout
