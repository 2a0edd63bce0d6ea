"""A language model's endpoint on loopback: speaks the OpenAI-compatible API and says what the test puts into its mouth.

The shapes are those that such servers send (chat.completion objects and their errors), with invented content.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Answer = Callable[["JudgeServer", dict[str, Any]], tuple[int, dict[str, str], bytes] | None]


@dataclass
class Request:
    """What was asked."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """What the user's turn says."""
        (turn,) = [message["content"] for message in self.body["messages"] if message["role"] == "user"]
        return str(turn)

    @property
    def system(self) -> str:
        """What the system's turn says."""
        (turn,) = [message["content"] for message in self.body["messages"] if message["role"] == "system"]
        return str(turn)


class JudgeServer:
    """`with JudgeServer() as server:`; answers come from `server.script`, the last one again and again."""

    def __init__(self, *script: Answer, key: str = "") -> None:
        self.script = deque(script or [says()])
        self.key = key
        self.asked: list[Request] = []
        self.url = ""
        self.leaves = threading.Event()  # set when the server goes: whoever hangs, ends

    def __enter__(self) -> JudgeServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append(Request(self.path, dict(self.headers)))
                if self.may():
                    self.send(
                        200, {}, json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()
                    )

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(Request(self.path, dict(self.headers), body))
                if not self.may():
                    return
                answer = outer.script.popleft() if len(outer.script) > 1 else outer.script[0]
                told = answer(outer, body)
                if told is None:
                    self.close_connection = True
                    return
                self.send(*told)

            def may(self) -> bool:
                if outer.key and self.headers.get("Authorization") != f"Bearer {outer.key}":
                    self.send(
                        401,
                        {},
                        b'{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}}',
                    )
                    return False
                return True

            def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
                try:
                    self.send_response(status)
                    for name, value in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # who asked did not wait

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leaves.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def questions(self) -> list[Request]:
        """What was asked about posts."""
        return [request for request in self.asked if request.path == "/v1/chat/completions"]


def finding(category: str, score: float, *quotes: str, element: str = "", where: str = "text") -> dict[str, Any]:
    """One finding as a model answers it."""
    places = [{"field": where, "quote": quote, "element": element} for quote in quotes]
    return {"category": category, "score": score, "quotes": places}


def says(*findings: dict[str, Any], instructions: tuple[str, ...] = (), tokens: int = 900) -> Answer:
    """An answer that keeps to the schema."""
    orders = [{"field": "text", "quote": quote} for quote in instructions]
    return content(json.dumps({"findings": list(findings), "instructions": orders}, ensure_ascii=False), tokens=tokens)


def content(text: str | None, *, tokens: int = 900, finish: str = "stop", refusal: str | None = None) -> Answer:
    """A chat completion with any text."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": tokens - 50, "completion_tokens": 50, "total_tokens": tokens},
    }
    return lambda server, asked: (200, {}, json.dumps(whole, ensure_ascii=False).encode())


def status(number: int, **headers: str) -> Answer:
    """An error as such servers send it."""
    body = json.dumps({"error": {"message": "something", "type": "server_error", "param": None, "code": None}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda server, asked: (number, named, body)


def raw(body: bytes) -> Answer:
    """Any octets with status 200."""
    return lambda server, asked: (200, {}, body)


def hangs(seconds: float = 30.0) -> Answer:
    """Takes the question and does not answer."""

    def wait(server: JudgeServer, asked: dict[str, Any]) -> None:
        server.leaves.wait(seconds)

    return wait


def slow(seconds: float, then: Answer) -> Answer:
    """Answers after a while."""

    def wait(server: JudgeServer, asked: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        time.sleep(seconds)
        return then(server, asked)

    return wait
