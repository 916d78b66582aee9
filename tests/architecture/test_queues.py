"""Every queue that something is put on has a worker that looks there."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import worker
from app.config import CHECKOUT
from app.core.jobs import QUEUES
from app.site import health


def enqueued_on() -> Iterator[tuple[Path, object]]:
    """Where `enqueue(…, on=…)` is said, and with what."""
    for path in [*sorted((CHECKOUT / "app").rglob("*.py")), CHECKOUT / "worker.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) == "enqueue":
                for keyword in node.keywords:
                    if keyword.arg == "on":
                        yield path, getattr(keyword.value, "value", None)


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def test_only_known_queues_are_used() -> None:
    wrong = [(path.name, on) for path, on in enqueued_on() if on not in QUEUES and on is not None]

    assert wrong == []


def test_workers_watch_every_queue_in_order() -> None:
    source = inspect.getsource(worker)

    assert "QUEUES" in source
    assert [word for word in ast.walk(ast.parse(source)) if _is_queue_name(word)] == []


def _is_queue_name(node: ast.AST) -> bool:
    """A queue named by hand would be missed when the set changes."""
    return isinstance(node, ast.Constant) and node.value in ("sending", "work")


def test_monitoring_counts_every_queue() -> None:
    assert health.QUEUES == QUEUES
