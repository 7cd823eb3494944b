"""Controllers on the Hub: the folder, the cache and a server on this machine that answers as the Hub does."""

import inspect
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import rlflood
from rlflood.control import Controller
from rlflood.control.shipped import controller_card, shipped_controllers
from rlflood.errors import InputError

huggingface_hub = pytest.importorskip("huggingface_hub")
from huggingface_hub import HfApi, ModelCard, constants  # noqa: E402

from rlflood.integrations import hub  # noqa: E402

BLIND = shipped_controllers()["blind"]
COMMIT, OTHER = "1" * 40, "2" * 40
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own, and no way out: the Hub is where nothing listens."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda _: None)  # it tries several times
    go_to(NOWHERE, monkeypatch)
    yield folder
    huggingface_hub.close_session()


def go_to(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the variable HF_ENDPOINT does before the library is imported."""
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + template)
    huggingface_hub.close_session()


def as_snapshot(folder: Path, cache: Path, repo: str, commit: str = COMMIT) -> None:
    """Lay a repository's files out as the Hub's library keeps them after a download."""
    place = cache / f"models--{repo.replace('/', '--')}"
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs" / "main").write_text(commit)
    (place / "blobs").mkdir(exist_ok=True)
    (place / "snapshots" / commit).mkdir(parents=True)
    for file in folder.iterdir():
        blob = place / "blobs" / f"{commit[:4]}{file.name}"
        blob.write_bytes(file.read_bytes())
        (place / "snapshots" / commit / file.name).symlink_to(blob)


@pytest.mark.parametrize("controller", ["blind", "mine.safetensors"])
def test_what_a_folder_holds_comes_back_from_the_cache(
    controller: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.safetensors").write_bytes(BLIND.read_bytes())
    folder = hub.write_folder(controller, "new/folder", repo_id="somebody/held-well", license="mit")
    assert {file.name for file in folder.iterdir()} == {"controller.safetensors", "README.md"}
    assert (folder / "controller.safetensors").read_bytes() == BLIND.read_bytes()
    as_snapshot(folder, cache, "somebody/held-well")
    found = hub.from_hub("somebody/held-well", local_files_only=True)
    assert found.to_bytes() == BLIND.read_bytes()
    assert (
        hub.from_hub("somebody/held-well", revision=COMMIT, local_files_only=True).fingerprint
        == found.fingerprint
    )
    one, other = (
        rlflood.PolicyScheduler(found, epochs=9, classes=3),
        rlflood.load_controller("blind", epochs=9, classes=3),
    )
    for _ in range(9):
        assert one.level == other.level
        assert one.step(train_loss=0.9, train_acc=0.5) == other.step(train_loss=0.9, train_acc=0.5)


def test_the_card_is_the_controllers_own_with_the_hubs_metadata(tmp_path: Path) -> None:
    folder = hub.write_folder("blind", tmp_path, repo_id="somebody/held-well", license="mit")
    page = ModelCard.load(folder / "README.md")
    assert page.data.to_dict() == {
        "library_name": "rlflood", "license": "mit", "tags": ["flooding", "label-noise"],
    }  # fmt: skip
    assert page.text.strip().startswith(controller_card("blind").strip())
    assert 'from_hub("somebody/held-well")' in page.text
    (tmp_path / "controller.safetensors").rename(tmp_path / "mine.safetensors")
    hub.write_folder(
        tmp_path / "mine.safetensors", tmp_path, repo_id="somebody/held-well", license="other: x"
    )
    page = ModelCard.load(folder / "README.md")
    assert page.data.license == "other: x"
    assert page.text.strip().startswith("# held-well\n\n- sees: `training`; goes by train loss")
    assert f"- fingerprint: {Controller.load(BLIND).fingerprint}" in page.text


def test_a_folder_that_cannot_be_written_or_made_of_nothing_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options: dict[str, Any] = {"repo_id": "somebody/held-well", "license": "mit"}
    for controller, place, changed, message in (
        ("blind", "file", {}, "is a file: give a folder"),
        ("blind", "file/below", {}, "cannot be written"),
        ("blnd", "new", {}, "did you mean blind"),
        (tmp_path / "gone.safetensors", "new", {}, "there is no controller file"),
        ("blind", "new", {"license": " "}, 'license="mit"'),
        ("blind", "new", {"repo_id": "held-well"}, "give owner/name"),
        ("blind", "new", {"repo_id": "some body/held\nwell"}, "give owner/name"),
    ):
        with pytest.raises(InputError, match=message):
            hub.write_folder(controller, tmp_path / place, **{**options, **changed})
    assert not (tmp_path / "new").exists()


class Hub(BaseHTTPRequestHandler):
    """Answers requests for files as the Hub does, from ``files``: by repository, revision and name."""

    files: ClassVar[dict[tuple[str, str, str], bytes]]
    asked: ClassVar[list[str]]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._refuse(403, "", "You may not write here")

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.command)
        repo, _, rest = self.path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        repos = {key[0] for key in self.files}
        if repo == "somebody/gated":
            return self._refuse(403, "GatedRepo")
        if repo not in repos:
            return self._refuse(401, "RepoNotFound")
        if (repo, revision) not in {key[:2] for key in self.files}:
            return self._refuse(404, "RevisionNotFound")
        content = self.files.get((repo, revision, name))
        if content is None:
            return self._refuse(404, "EntryNotFound")
        self.send_response(200)
        self.send_header("ETag", f'"{abs(hash(content)):x}"')
        self.send_header("X-Repo-Commit", OTHER if revision in ("v2", OTHER) else COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    blind, default = BLIND.read_bytes(), shipped_controllers()["default"].read_bytes()
    repo = "somebody/held-well"

    class Here(Hub):
        asked: ClassVar[list[str]] = []
        files: ClassVar = {
            **{(repo, name, "controller.safetensors"): blind for name in ("main", COMMIT)},
            **{(repo, name, "controller.safetensors"): default for name in ("v2", OTHER)},
            ("somebody/bert", "main", "model.safetensors"): b"",
            ("somebody/pickle", "main", "controller.safetensors"): b"\x80\x04.",
            ("somebody/pickle", COMMIT, "controller.safetensors"): b"\x80\x04.",
            ("somebody/large", "main", "controller.safetensors"): bytes(17 * 2**20),
        }

    with ThreadingHTTPServer(("127.0.0.1", 0), Here) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        go_to(f"http://127.0.0.1:{listening.server_port}", monkeypatch)
        yield Here
        listening.shutdown()


def test_a_controller_is_fetched_once_and_by_revision(
    server: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = hub.from_hub("somebody/held-well")
    assert found.to_bytes() == BLIND.read_bytes() and server.asked.count("GET") == 1
    assert hub.from_hub("somebody/held-well").fingerprint == found.fingerprint
    assert server.asked.count("GET") == 1, "it is in the cache"
    newer = hub.from_hub("somebody/held-well", revision="v2")
    assert newer.fingerprint == Controller.load(shipped_controllers()["default"]).fingerprint
    asked = len(server.asked)
    assert hub.from_hub("somebody/held-well", local_files_only=True).fingerprint == found.fingerprint
    assert len(server.asked) == asked
    go_to(NOWHERE, monkeypatch)
    assert hub.from_hub("somebody/held-well").fingerprint == found.fingerprint, "the network may be gone"


@pytest.mark.parametrize(
    ("repo", "revision", "message"),
    [
        ("somebody/gone", None, "the Hub has no repository somebody/gone that you may see"),
        ("somebody/gated", None, "somebody/gated is gated: ask for access"),
        ("somebody/bert", None, "somebody/bert has no controller.safetensors: it is not a repository"),
        ("somebody/held-well", "v9", "somebody/held-well has no revision 'v9'"),
        ("somebody/pickle", None, "controller.safetensors of somebody/pickle is damaged or not a controller"),
        ("no name/at/all", None, "'no name/at/all' is not the name of a repository: give owner/name"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    repo: str, revision: str | None, message: str, server: type[Hub]
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        hub.from_hub(repo, revision=revision)
    assert "\n" not in str(caught.value)


def test_what_is_too_large_is_not_fetched(server: type[Hub], cache: Path) -> None:
    with pytest.raises(InputError, match="has 17 MiB, and no controller has more than 16"):
        hub.from_hub("somebody/large")
    assert server.asked == ["HEAD"]
    folder = cache.parent / "large"
    folder.mkdir()
    (folder / "controller.safetensors").write_bytes(bytes(17 * 2**20))
    as_snapshot(folder, cache, "somebody/large")
    with pytest.raises(InputError, match="has 17 MiB"):
        hub.from_hub("somebody/large", local_files_only=True)


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        InputError, match="not in this machine's cache: leave local_files_only out to fetch it"
    ):
        hub.from_hub("somebody/held-well", local_files_only=True)
    with pytest.raises(InputError, match="not in this machine's cache: the Hub cannot be reached"):
        hub.from_hub("somebody/held-well")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="without HF_HUB_OFFLINE"):
        hub.from_hub("somebody/held-well")


class Calls:
    """In place of what the Hub's client sends: it takes the same arguments, and remembers them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[dict[str, Any]] = []
        self.folder: dict[str, bytes] = {}
        for name in ("create_repo", "upload_folder"):
            monkeypatch.setattr(HfApi, name, self._in_place_of(getattr(HfApi, name)))

    def _in_place_of(self, real: Any) -> Any:
        signature = inspect.signature(real)

        def call(*arguments: Any, **keywords: Any) -> Any:
            given = dict(signature.bind(*arguments, **keywords).arguments)
            given["token"] = given.pop("self").token
            self.made.append({"call": real.__name__, **given})
            if "folder_path" in given:
                self.folder = {file.name: file.read_bytes() for file in Path(given["folder_path"]).iterdir()}
            return huggingface_hub.CommitInfo(
                commit_url=f"https://huggingface.co/{given['repo_id']}/commit/{COMMIT}",
                commit_message=given.get("commit_message", ""), commit_description="", oid=COMMIT,
            )  # fmt: skip

        return call


def test_an_upload_makes_the_repository_and_sends_the_folder(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    told = hub.save_to_hub("blind", "somebody/held-well", license="mit", private=True, token="hf_x")
    assert told == f"https://huggingface.co/somebody/held-well/commit/{COMMIT}"
    made, sent = calls.made
    assert made == {
        "call": "create_repo", "repo_id": "somebody/held-well", "private": True, "exist_ok": True,
        "token": "hf_x",
    }  # fmt: skip
    assert sent["repo_id"] == "somebody/held-well" and sent["token"] == "hf_x"
    assert sent["commit_message"] == f"Controller {Controller.load(BLIND).fingerprint}"
    folder = hub.write_folder("blind", tmp_path / "same", repo_id="somebody/held-well", license="mit")
    assert calls.folder == {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_the_hub_says_to_an_upload_that_it_refuses_is_told(server: type[Hub]) -> None:
    with pytest.raises(InputError, match=r"refuses somebody/x \(403, You may not write here\); log in"):
        hub.save_to_hub("blind", "somebody/x", license="mit", token="hf_x")


def test_an_upload_that_fails_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="the Hub cannot be reached for somebody/held-well"):
        hub.save_to_hub("blind", "somebody/held-well", license="mit", token="hf_x")
    calls = Calls(monkeypatch)
    with pytest.raises(InputError, match="give owner/name"):
        hub.save_to_hub("blind", "held-well", license="mit")
    assert not calls.made
