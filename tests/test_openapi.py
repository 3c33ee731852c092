"""The server's own description: complete, true to what the server does, and readable by people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.openapi import from_url
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.examples import examples
from tests.http_serving import Http, http
from tests.http_thread import http_in_thread
from wyoming_chatterbox.voices.voice import STYLE_OPTIONS
from wyoming_chatterbox.web import openapi

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with http_in_thread(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def schema(served: Http) -> BaseSchema:
    return from_url(f"{served.server.url}/openapi.json")


async def test_every_route_is_described_and_no_other(tmp_path: Path) -> None:
    described = {(method.upper(), path) for path, methods in openapi.document()["paths"].items() for method in methods}
    async with http(tmp_path) as server:
        routes = {
            (route.method, route.resource.canonical)
            for route in server.server.routes
            if route.resource is not None and route.method != "HEAD"
        }
    there = {(method, path.removesuffix("/") if path != "/" else path) for method, path in routes}
    assert described == there
    assert {(method, path + "/") for method, path in described if path.startswith("/v1/")} <= routes


def test_limits_are_those_of_the_options() -> None:
    fields = openapi.document()["components"]["schemas"]["SpeechRequest"]["properties"]
    for name, option in STYLE_OPTIONS.items():
        assert option.numbers is not None
        number = fields[name]["anyOf"][0]
        assert (number["minimum"], number["maximum"]) == (option.numbers.low, option.numbers.high)
        assert option.allowed in fields[name]["description"]


def test_the_description_is_valid(schema: BaseSchema) -> None:
    schema.validate()


@pytest.mark.slow(20)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_no_request_breaks_the_server_or_the_description(
    served: Http, schema: BaseSchema, mode: schemathesis.GenerationMode
) -> None:
    asked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path == "/events":
            # It has no end.
            continue

        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        @hypothesis.settings(
            examples(0.2),
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            case.call_and_validate(base_url=served.server.url, checks=CHECKS)
            asked += 1

        try:
            ask()
        except hypothesis.errors.Unsatisfiable:
            assert mode is schemathesis.GenerationMode.NEGATIVE, "nothing can be wrong with a GET without parameters"
    assert asked >= 15


async def test_people_can_read_it_without_anything_from_elsewhere(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-token", "secret") as server:
        async with server.client.get("/docs") as response:
            assert (response.status, response.content_type) == (200, "text/html")
            assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
            page = await response.text()
        for link in re.findall(r'(?:href|src)="([^"]*)"', page):
            assert not link.startswith("/") and ":" not in link, "a prefix such as ingress's must do"
            async with server.client.get(f"/{link}") as response:
                assert response.status == 200
        assert "<script" not in page and "style=" not in page
    for path in openapi.document()["paths"]:
        assert f" {path}</code>" in page
    for name in ("exaggeration", "sample_rate", "stream_format"):
        assert f"<code>{name}</code>" in page
