from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from rq import Worker
from rq.serializers import JSONSerializer

from app.accounts.models import Notice
from app.core import heartbeat, queue_server
from app.core.clock import now
from app.core.db import db, transaction
from tests.api.conftest import Program
from tests.conftest import Client


def beat() -> None:
    """A worker and a tick show themselves."""
    connection = queue_server.client()
    worker = Worker(["work"], connection=connection, serializer=JSONSerializer)
    worker.register_birth()
    worker.heartbeat()
    heartbeat.beat()


def test_healthz_answers_without_anything(client: Client) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_ready_with_a_worker(client: Client) -> None:
    beat()

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert set(answer.get_json()["checks"].values()) == {"ok"}


def test_not_ready_without_a_worker(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.get_json()["checks"]["workers"] == "no worker has shown itself lately"


def test_not_ready_without_a_tick(client: Client) -> None:
    beat()
    queue_server.client().delete(heartbeat.KEY)

    assert "no tick" in client.get("/readyz").get_json()["checks"]["workers"]


def test_not_ready_when_due_work_lies_about(client: Client) -> None:
    beat()
    with transaction():
        db.session.add(
            Notice(
                kind="x", to_email="a@b.example", subject="s", text="t",
                due_at=now() - timedelta(minutes=10),
            )
        )  # fmt: skip

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "600 seconds" in answer.get_json()["checks"]["queue"]


def test_not_ready_without_redis(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.1, retry=None)
    monkeypatch.setattr("app.site.health.client", lambda: away)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.get_json()["checks"]["redis"].startswith("does not answer")
    assert answer.get_json()["checks"]["database"] == "ok"


def test_metrics_for_this_machine(client: Client) -> None:
    beat()

    answer = client.get("/metrics")

    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "leadersend_workers 1.0" in text
    assert 'leadersend_jobs{queue="sending"} 0.0' in text


def test_metrics_are_closed_to_others(client: Client, program: Program, app: Flask) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    token = {"Authorization": f"Bearer {program.secret}"}

    assert client.get("/metrics", environ_base=elsewhere).status_code == 401
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401
    assert client.get("/metrics", environ_base=elsewhere, headers=token).status_code == 200
