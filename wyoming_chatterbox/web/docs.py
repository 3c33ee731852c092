"""The page /docs: the description of /openapi.json for people, without a script and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title}: HTTP</title>
  <link rel="icon" href="icon.svg">
  <link rel="stylesheet" href="page.css">
</head>
<body>
  <header>
    <img src="icon.svg" alt="" width="32" height="32">
    <h1>{title}: HTTP</h1>
  </header>
  <main>
    <section class="card wide">
      <p>{description}</p>
      <p><a href="./">The page</a> · <a href="openapi.json">The same as OpenAPI</a></p>
    </section>
"""


def page(document: dict[str, Any]) -> str:
    """Write a description as HTML. Links are relative, as the page may be under a prefix."""
    info = document["info"]
    parts = [_HEAD.format(title=escape(info["title"]), description=escape(info["description"]))]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(document, path, method, operation)
    return "\n".join([*parts, "  </main>\n</body>\n</html>\n"])


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<section class="card wide">\n<h2><code>{method.upper()} {escape(path)}</code></h2>'
    yield f"<p>{escape(operation['summary'])}. {escape(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters"):
        yield "<h3>Parameters</h3>\n<ul>"
        for parameter in parameters:
            yield f"<li><code>{escape(parameter['name'])}</code>: {escape(parameter['description'])}</li>"
        yield "</ul>"
    content = operation.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        schema = _resolved(document, body["schema"])
        yield f"<h3>Request: {escape(kind)}</h3>\n<ul>"
        required = schema.get("required", [])
        for name, field in schema.get("properties", {}).items():
            needed = " (needed)" if name in required else ""
            yield f"<li><code>{escape(name)}</code>{needed}: {escape(field.get('description', ''))}</li>"
        yield "</ul>"
    yield "<h3>Answers</h3>\n<ul>"
    for status, answer in operation["responses"].items():
        kinds = ", ".join(answer.get("content", {}))
        yield f"<li><code>{escape(status)}</code> {escape(answer['description'])}"
        yield f'<span class="quiet">{escape(kinds)}</span></li>'
    yield "</ul>\n</section>"


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference names."""
    if reference := schema.get("$ref"):
        named: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
        return named
    return schema
