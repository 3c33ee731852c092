"""Someone who downloads a model family, and the hub to do it from: fixtures for the tests of downloads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub.utils import close_session

from tests.client import PATIENCE
from tests.hub import Hub
from wyoming_chatterbox.engine.files.download import Progress, fetch
from wyoming_chatterbox.engine.files.hub import Patience
from wyoming_chatterbox.errors import DownloadError
from wyoming_chatterbox.families import TURBO, Family

T3 = TURBO.t3[0]
S3GEN = TURBO.s3gen


@dataclass
class Client:
    """Someone who fetches, and tries again soon."""

    directory: Path
    patience: Patience = field(default_factory=lambda: Patience(stall=PATIENCE, retries=2, pause=0.01))
    seen: list[Progress] = field(default_factory=list)

    def fetch(self, family: Family = TURBO, **options: object) -> Path:
        options = {"progress": self.seen.append, "patience": self.patience} | options
        return fetch(family, self.directory, **options)  # type: ignore[arg-type]

    def refused(self, family: Family = TURBO, **options: object) -> DownloadError:
        with pytest.raises(DownloadError) as caught:
            self.fetch(family, **options)
        assert caught.value.hint
        return caught.value

    def partial_file(self, data: bytes) -> Path:
        """Where a large file of Turbo's is until it is complete."""
        blobs = self.directory / "models--ResembleAI--chatterbox-turbo" / "blobs"
        return blobs / f"{sha256(data).hexdigest()}.incomplete"

    def partial_files(self) -> list[Path]:
        return list(self.directory.rglob("*.incomplete"))


@pytest.fixture(name="surroundings", autouse=True)
def surroundings_fixture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy and no token of whoever runs the tests."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    close_session()


@pytest.fixture(name="hub")
def hub_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture(name="client")
def client_fixture(tmp_path: Path) -> Client:
    return Client(tmp_path / "models")


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


IMPORTS = """
import sys
from pathlib import Path
from wyoming_chatterbox.engine.files.download import fetch
from wyoming_chatterbox.families import TURBO
"""


def program(directory: Path, then: str = "") -> str:
    """Python code that fetches without impatience, for another process."""
    return f"{IMPORTS}\nfetch(TURBO, Path({str(directory)!r}), progress=lambda _: None)\n{then}\n"
