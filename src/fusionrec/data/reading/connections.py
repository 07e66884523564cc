"""Connections to servers that nobody has chosen: to public addresses only, and not longer than a given time.

What a host name stands for is checked before a connection is made, and the connection itself afterwards, so neither a
redirect nor a name server can lead into the local network.
"""

import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import SHUT_RDWR, SOCK_STREAM, getaddrinfo
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

IPV4_COMPATIBLE = ip_network("::/96")
IPV4_TRANSLATED = ip_network("::ffff:0:0:0/96")
NAT64 = ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")


class Forbidden(Exception):
    """The server's address is not public."""


class Deadline:
    """Ends all connections that this thread uses after a time, whatever the server is doing.

    The timeout of a socket is for silence only: a server that sends a byte now and then, in a header, in the size of a
    chunk, in trailers, or `100 Continue` for ever, would never reach it.

    Args:
        seconds: until the connections are ended.
    """

    current = threading.local()

    def __init__(self, seconds: float):
        self.passed, self.sockets = False, list[Any]()
        self.timer = threading.Timer(seconds, self._end)
        self.timer.daemon = True

    def __enter__(self) -> "Deadline":
        Deadline.current.deadline = self
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        Deadline.current.deadline = None

    @classmethod
    def watch(cls, socket: Any) -> None:
        """End this connection too.

        If the time is up already, it ends at once.
        """
        deadline = getattr(cls.current, "deadline", None)
        if deadline is not None:
            deadline.sockets.append(socket)
            if deadline.passed:
                deadline._end()

    def _end(self) -> None:
        self.passed = True
        for socket in self.sockets:
            with suppress(OSError):
                socket.shutdown(SHUT_RDWR)


class TimedAdapter(HTTPAdapter):
    """Its connections end with the `Deadline` of their thread."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """With connections that a deadline can end."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _TimedPool, "https": _TimedSecurePool}


class PublicAdapter(TimedAdapter):
    """Connects to public addresses only."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """With connections that check the address that they have reached."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicSecurePool}


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, and the IPv4 address that it contains too."""
    ip = ip_address(address.split("%")[0])
    inside = [] if isinstance(ip, IPv4Address) else _inside(ip)
    site_local = getattr(ip, "is_site_local", False)
    return not site_local and all(one.is_global and not one.is_multicast for one in inside or [ip])


def _inside(ip: IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The IPv4 addresses in an IPv6 address that a gateway could connect to, and the address itself."""
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    last = IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in IPV4_COMPATIBLE:
        return [ip, last]
    if any(ip in network for network in (*NAT64, IPV4_TRANSLATED)):
        return [last]
    return [ip, *(ip.teredo or ()), *([ip.sixtofour] if ip.sixtofour else [])]


def _check_host(host: str, port: int) -> None:
    """Refuse a host name that stands for an address that is not public, before anything is connected.

    Raises:
        Forbidden: if it does.
    """
    with suppress(OSError, UnicodeError):  # names that cannot be resolved fail when they are connected to
        if not all(is_public(str(info[4][0])) for info in getaddrinfo(host, port, type=SOCK_STREAM)):
            raise Forbidden


def _public(socket: Any) -> Any:
    """The same socket if it leads to a public address; otherwise it is closed before a byte is sent."""
    if not is_public(socket.getpeername()[0]):
        socket.close()
        raise Forbidden
    return socket


class _TimedConnection(HTTPConnection):
    def getresponse(self) -> Any:
        Deadline.watch(self.sock)
        return super().getresponse()


class _TimedSecureConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        Deadline.watch(self.sock)
        return super().getresponse()


class _PublicConnection(_TimedConnection):
    def _new_conn(self) -> Any:
        _check_host(self._dns_host, self.port)
        return _public(super()._new_conn())


class _PublicSecureConnection(_TimedSecureConnection):
    def _new_conn(self) -> Any:
        _check_host(self._dns_host, self.port)
        return _public(super()._new_conn())


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _TimedSecureConnection


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicSecurePool(HTTPSConnectionPool):
    ConnectionCls = _PublicSecureConnection
