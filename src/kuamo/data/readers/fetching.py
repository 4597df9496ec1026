"""Files of the web: fetched whole within a time and a size, or not at all.

A time-out of a socket is for each read: a server that gives a byte a second never meets it. So a clock closes the
connection when the whole time is over.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from kuamo.core.errors import CellError, KuamoError
from kuamo.core.files import atomic_path
from kuamo.core.messages import Note
from kuamo.data.modalities.base import describe_value

__all__ = ["fetch"]

MAX_DOWNLOAD = 256 << 20
PATIENCE = 30.0  # seconds for a server to say anything
SECONDS = 60.0  # for the whole file
PIECE = 1 << 16


def fetch(url: str, copy: Path) -> None:
    """A file of the web into `copy`, all of it or nothing."""
    try:
        with _opened(url) as (answer, over), atomic_path(copy) as part, part.open("wb") as file:
            size = 0
            while piece := answer.read1(PIECE):
                size += len(piece)
                if size > MAX_DOWNLOAD:
                    raise CellError(
                        Note("cell_too_large", name=describe_value(url), count=MAX_DOWNLOAD), "a smaller file"
                    )
                file.write(piece)
            if answer.length or over.is_set():  # of what comes in chunks nobody knows the length
                raise CellError(Note("cell_broke_off", name=describe_value(url), count=size), "the whole file")
    except KuamoError:
        raise
    except (OSError, HTTPException, ValueError) as error:  # URLError and TimeoutError are OSErrors
        raise CellError(
            Note("cell_not_read", name=describe_value(url), error=str(error)), "a file that can be fetched"
        ) from None


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """The answer of a server, whose connection is closed when the time is over."""
    sockets: list[socket.socket] = []
    over = threading.Event()

    def close() -> None:
        over.set()
        for each in sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    clock = threading.Timer(SECONDS, close)
    clock.daemon = True
    clock.start()
    opener = build_opener(_Http(sockets), _Https(sockets))
    try:
        with opener.open(Request(url, headers={"User-Agent": "kuamo"}), timeout=PATIENCE) as answer:
            yield answer, over
    except (OSError, HTTPException, ValueError, CellError):
        if over.is_set():
            raise CellError(
                Note("cell_slow", name=describe_value(url), count=int(SECONDS)), "a server that answers"
            ) from None
        raise
    finally:
        clock.cancel()


class _Http(HTTPHandler):
    """Keeps the sockets that it opens in a list."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self.sockets = sockets

    def http_open(self, request: Request) -> Any:
        return self.do_open(partial(_connect, HTTPConnection, self.sockets), request)  # type: ignore[arg-type]


class _Https(HTTPSHandler):
    """The same, for https."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__(context=ssl.create_default_context())
        self.sockets = sockets

    def https_open(self, request: Request) -> Any:
        how = partial(_connect, HTTPSConnection, self.sockets, context=self._context)  # type: ignore[attr-defined]
        return self.do_open(how, request)  # type: ignore[arg-type]


def _connect(kind: type[HTTPConnection], sockets: list[socket.socket], host: str, **how: Any) -> HTTPConnection:
    """A connection that adds its socket to `sockets` once it is there."""
    connection = kind(host, **how)
    connect = connection.connect

    def connected() -> None:
        connect()
        sockets.append(connection.sock)

    connection.connect = connected  # type: ignore[method-assign]
    return connection
