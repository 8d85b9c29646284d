"""A server on this machine that answers the hub's client: who am I, create, check the metadata, commit."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeHub:
    """What the server was asked, and what it shall refuse."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.created: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.message = ""
        self.refuses: dict[str, tuple[int, dict[str, Any]]] = {}
        """Status and answer by a part of the path."""
        self.silence = threading.Event()
        self.is_silent = False
        self.address = ""

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        if path.endswith("/api/whoami-v2"):
            return {"name": "me", "type": "user"}
        if path.endswith("/api/repos/create"):
            self.created = json.loads(body)
            return {"url": f"{self.address}/{self.created.get('organization', 'me')}/{self.created['name']}"}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
            return {"files": modes}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "header":
                    self.message = line["value"]["summary"]
                else:
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return {"commitUrl": f"{self.address}/me/model/commit/0123", "commitOid": "0123", "success": True}
        return {"warnings": [], "errors": []}


@contextmanager
def served() -> Iterator[FakeHub]:
    """Serve a fake hub on a free port."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if hub.is_silent:
                hub.silence.wait(60)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hub.asked.append((self.command, self.path))
            refused = next((answer for part, answer in hub.refuses.items() if part in self.path), None)
            is_absent = self.command == "GET" and "/api/models/" in self.path
            status, answer = refused or ((404, {}) if is_absent else (200, hub.answer(self.path, body)))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub
        finally:
            hub.silence.set()
            server.shutdown()
