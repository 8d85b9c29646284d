"""Start and stop viser's server: on the chosen port or not at all, and for its own page alone."""

import asyncio
import errno
import io
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from egodepth.foundation.errors import InputError
from egodepth.foundation.libraries import optional_library
from egodepth.foundation.progress import warn


@contextmanager
def serving(host: str, port: int) -> Iterator[Any]:
    """Yield a running `viser.ViserServer`, which is stopped at the end.

    Its page can neither be shared through viser's public relay nor be used by other pages.

    Args:
        host: the address to listen on.
        port: the port; 0 takes any free one.

    Raises:
        InputError: viser is missing, the port is taken or not allowed, or the host is no address of this machine.
    """
    viser = optional_library("viser", "the viewer", "view")
    messages = optional_library("viser._messages", "the viewer", "view")
    _check_free(host, port)
    with redirect_stdout(io.StringIO()):  # viser prints a frame of its own
        server = viser.ViserServer(host=host, port=port, verbose=False)
    try:
        if port and server.get_port() != port:  # taken meanwhile: viser took the next
            raise _taken(port)
        server._websock_server.unregister_handler(messages.ShareUrlRequest)
        server.gui.configure_theme(show_logo=False, show_share_button=False)
        server.scene.set_up_direction("-y")
        # Points and lines need no light. Without an environment map, the page does not fade in.
        server.scene.configure_default_lights(enabled=False)
        server.scene.configure_environment_map(hdri=None)
        yield server
    finally:
        with redirect_stdout(io.StringIO()):
            server.stop()


def on_visit(server: Any, host: str, show: Callable[[Any], Callable[[], None]]) -> None:
    """Call `show` with the client of everybody who opens the page, and what it returns when the page is closed.

    A page of another site that connects to this server gets nothing: browsers let any site do that.
    """
    endings: dict[int, Callable[[], None]] = {}

    @server.on_client_connect
    def _(client: Any) -> None:
        connection = server._websock_server._live_connections.get(client.client_id)
        if connection is None:
            return
        if from_own_page(connection.request.headers, is_local(host)):
            endings[client.client_id] = show(client)
            if client.client_id not in server.get_clients():  # closed meanwhile
                end(client)
        else:
            asyncio.run_coroutine_threadsafe(connection.close(1008, "a page of another site"), server.get_event_loop())

    @server.on_client_disconnect
    def end(client: Any) -> None:
        endings.pop(client.client_id, lambda: None)()


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def from_own_page(headers: Any, local: bool) -> bool:
    """Whether a connection comes from the page that this server sends, by the HTTP headers of its request.

    A site whose name was changed to point to this machine has its own name in both headers.

    Args:
        headers: with the method `get_all`.
        local: the server is for this machine alone.
    """
    origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
    if not origins:
        return True  # no browser: a program of this machine or network
    origin = urlsplit(origins[0])
    same = len(origins) == len(hosts) == 1 and origin.netloc == hosts[0]
    return same and (not local or is_local(origin.hostname or ""))


def address_of(host: str, port: int) -> str:
    """Return the address to open in a browser."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def warn_of_network(host: str) -> None:
    """Print who can use the viewer, unless only this machine can."""
    if not is_local(host):
        warn(f"--host {host}: everybody on this network can see what is shown, and upload files")


def _check_free(host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in found:
            with socket.socket(family, kind, protocol) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(place)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(port) from error
        if error.errno == errno.EACCES:
            raise InputError(f"port {port} is not allowed; choose a --port above 1023") from error
        reason = error.strerror or error
        raise InputError(f"--host {host}: cannot listen there ({reason}); 127.0.0.1 is this machine") from error


def _taken(port: int) -> InputError:
    return InputError(f"port {port} is taken; choose another --port")
