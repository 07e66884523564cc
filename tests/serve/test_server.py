import socket

import pytest

from fusionrec.errors import UserError
from fusionrec.serve import server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_no_token(host: str) -> None:
    server.address(host, None)
    server.address("0.0.0.0", "a token")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "", "localhost.example"])
def test_other_machines_need_one(host: str) -> None:
    for token in (None, ""):
        with pytest.raises(UserError, match="FUSIONREC_TOKEN"):
            server.address(host, token)


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"127.0.0.1:{port}: .* choose another"):
            server._socket("127.0.0.1", port)
