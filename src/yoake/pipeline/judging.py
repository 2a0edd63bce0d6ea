"""Carries questions to a language model: an OpenAI-compatible endpoint, a daily budget, a cache, a log of what was sent.

Posts leave this network only where YOAKE_JUDGE_EXTERNAL says so, over TLS, and every sending is written into the audit
chain before it happens (ids and digests). The key of the endpoint is never logged.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from yoake.casework.audit.actions import record
from yoake.casework.cases.keeping import erased_hash
from yoake.casework.cases.looks import answer_key, correct_use, keep_answer, kept_answer, tomorrow, use
from yoake.casework.cases.models import PostVersion
from yoake.collect.net import Busy, Net, Response, Unreached
from yoake.detect.asking import Kept, Prompt
from yoake.errors import BadInput, Refused, TryLater

CALLS: Final = "llm_judge:calls"  # what DailyUse calls them
TOKENS: Final = "llm_judge:tokens"
REFUSAL: Final[dict[str, Any]] = {"declined": True}  # what is kept where the model would not answer
_TRIES: Final = 2  # of one question, when the endpoint stumbles
_PAUSE_S: Final = 1.0
_ANSWER_BYTES: Final = 1_000_000
_SLOW_LOOK_S: Final = 5.0  # how long `yoake doctor` waits


class BudgetSpent(TryLater):
    """Today's calls or tokens are used up; `after_s` is how long it is until tomorrow in Japan."""


class _Stumbled(Busy):
    """The endpoint answered with a status of 500 or more."""


@dataclass(frozen=True)
class Endpoint:
    """Where a language model answers."""

    url: str  # up to and with /v1
    model: str
    key: str
    external: bool  # posts may be sent outside this network
    timeout_s: float
    contact: str = ""

    @classmethod
    def from_settings(cls) -> Endpoint:
        """The one that YOAKE_JUDGE_URL names."""
        told = settings.ENVIRONMENT
        return cls(
            told.judge_url, told.judge_model, told.judge_key, told.judge_external, told.judge_timeout_s, told.contact
        )

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc

    def complete(self, body: bytes) -> Response:
        """One question. Raises TryLater when the endpoint is away or busy, Refused when a person must act."""
        answer = self._net().post(
            f"{self.url}/chat/completions",
            body,
            headers={"Content-Type": "application/json", **self._who()},
            timeout_s=self.timeout_s,
            limit_bytes=_ANSWER_BYTES,
        )
        if answer.status >= 500:
            raise _Stumbled(f"{self.host} answered status {answer.status}; trying again later.", after_s=60)
        if answer.status == 404 or 300 <= answer.status < 400:
            raise Refused(
                f"{self.host} answered status {answer.status}: check YOAKE_JUDGE_URL and YOAKE_JUDGE_MODEL ({self.model})."
            )
        return answer

    def look(self) -> int:
        """Whether somebody answers there: the status of its list of models. Raises TryLater or Refused."""
        return self._net().get(f"{self.url}/models", headers=self._who(), timeout_s=_SLOW_LOOK_S).status

    def _net(self) -> Net:
        if self.external and self.url.startswith("https://"):
            return Net(allow_private=True, contact=self.contact)
        how = "set YOAKE_JUDGE_EXTERNAL=yes, and use https, only if posts may be sent there."
        return Net(allow_private=True, only_private=how, contact=self.contact)

    def _who(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


class Asker:
    """Answers prompts from the cache or from the endpoint, within the budget; an instance carries no state of its own.

    Args:
        endpoint: who is asked.
        calls_per_day, tokens_per_day: limits of a day of Asia/Tokyo.
        now: the time.
    """

    def __init__(self, endpoint: Endpoint, *, calls_per_day: int, tokens_per_day: int, now: datetime) -> None:
        self.endpoint, self.now = endpoint, now
        self.calls_per_day, self.tokens_per_day = calls_per_day, tokens_per_day

    def __call__(self, prompts: Sequence[Prompt]) -> list[Kept | None]:
        """What is kept of each answer; None where the model declined.

        Raises:
            BudgetSpent: today's budget is used up.
            TryLater: the endpoint is away or busy.
            Refused: a person must act (a key, an address).
            BadInput: the endpoint does not take this question, or its answer cannot be used; tells nothing of either.
        """
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: Prompt) -> Kept | None:
        key = answer_key(self.endpoint.model, prompt.version, prompt.content_hash)
        kept = kept_answer(key)
        if kept is None:
            kept = self._ask(prompt)
            keep_answer(key, erased_hash(prompt.content_hash), kept, self.now)
        return None if kept == REFUSAL else kept

    def _ask(self, prompt: Prompt) -> Kept:
        body = json.dumps(
            {
                "model": self.endpoint.model,
                "messages": list(prompt.messages),
                "temperature": 0,
                "max_tokens": prompt.most_tokens,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "judgement", "strict": True, "schema": prompt.schema},
                },
            },
            ensure_ascii=False,
        ).encode()
        for _again in range(_TRIES - 1):
            try:
                return self._ask_once(prompt, body)
            except (Unreached, _Stumbled):  # who asks to wait is not asked again at once
                time.sleep(_PAUSE_S)
        return self._ask_once(prompt, body)

    def _ask_once(self, prompt: Prompt, body: bytes) -> Kept:
        # A code point of Japanese is about one token: what is taken before is corrected by what the endpoint counts.
        estimate = sum(len(message["content"]) for message in prompt.messages) + prompt.most_tokens
        self._take(estimate)
        self._write_down(prompt, body)
        try:
            answer = self.endpoint.complete(body)
        except (Unreached, Busy, Refused):  # nothing was worked on; after a time-out nobody knows, and it counts
            self._give_back(estimate)
            raise
        if answer.status != 200:
            self._give_back(estimate)
            raise BadInput("the question to the language model", f"answered with status {answer.status}", "status 200")
        told = _object(answer)
        correct_use(TOKENS, _tokens(told, estimate) - estimate, self.now)
        content = _content(told)
        return REFUSAL if content is None else prompt.read(content)

    def _take(self, tokens: int) -> None:
        wait_s = (tomorrow(self.now) - self.now).total_seconds()
        granted = use(TOKENS, tokens, self.tokens_per_day, self.now)
        if granted < tokens:
            correct_use(TOKENS, -granted, self.now)
            raise BudgetSpent("today's tokens of the language model are used up", after_s=wait_s)
        if not use(CALLS, 1, self.calls_per_day, self.now):
            correct_use(TOKENS, -tokens, self.now)
            raise BudgetSpent("today's calls of the language model are used up", after_s=wait_s)

    def _give_back(self, tokens: int) -> None:
        correct_use(TOKENS, -tokens, self.now)
        correct_use(CALLS, -1, self.now)

    def _write_down(self, prompt: Prompt, body: bytes) -> None:
        """An external sending goes into the audit chain before it goes out: killed in between, one line too many stands."""
        if not self.endpoint.external:
            return
        version = PostVersion.objects.get(post__uid=prompt.uid, content_hash=prompt.content_hash)
        record(
            "sent_to_judge",
            actor="worker",
            subject=f"post:{version.post_id}",
            version=version.pk,
            host=self.endpoint.host[:100],
            model=self.endpoint.model[:100],
            request=hashlib.sha256(body).hexdigest(),
        )


def _object(answer: Response) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise _wrong("not a JSON object")
    return told


def _tokens(told: dict[str, Any], estimate: int) -> int:
    """How many tokens the endpoint counted; the estimate where it says nothing sensible."""
    usage = told.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int and 0 <= total < 10**9 else estimate


def _content(told: dict[str, Any]) -> str | None:
    """The text of the answer; None when the model declined. Raises BadInput for anything else."""
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise _wrong("without a message")
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return None
    content = message.get("content")
    if choice.get("finish_reason") == "length" or not isinstance(content, str):
        raise _wrong("cut off" if isinstance(content, str) else "without a text")
    return content


def _wrong(what: str) -> BadInput:
    return BadInput("the answer of the language model", what, "a chat completion")
