"""Controllers on the Hugging Face Hub: a repository holds one, with a card made from its own.

Nothing is sent or fetched but by :func:`save_to_hub` and :func:`from_hub`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rlflood.control.card import card_of
from rlflood.control.controller import Controller
from rlflood.control.shipped import controller_card, controller_file, shipped_controllers
from rlflood.errors import InputError
from rlflood.extras import check_package
from rlflood.output import check_output_folder, write_output

check_package("huggingface_hub", "sharing controllers needs huggingface_hub")

from huggingface_hub import DryRunFileInfo, HfApi, ModelCardData, errors, hf_hub_url

FILE, CARD = "controller.safetensors", "README.md"
"""What a repository holds."""
LARGEST = 16 * 2**20
"""Bytes that a controller's file may have here: dozens of times what any controller needed."""
TAGS = ("flooding", "label-noise")

# of httpx or of what has come after it, whichever the library is built on
_TransportError: type[Exception] = errors.HfHubHTTPError.__bases__[0]
_LOG_IN = "log in with `hf auth login`, or give a token"

_USE = """## Use

```python
import rlflood
from rlflood.integrations.hub import from_hub

scheduler = rlflood.PolicyScheduler(from_hub("{repo_id}"), epochs=100, classes=10)
```

with the true number of epochs and classes, in place of `rlflood.load_controller(...)`.
"""


def write_folder(controller: str | Path, folder: str | Path, *, repo_id: str, license: str) -> Path:
    """Write what a repository of a controller holds: its file, and a card with the Hub's metadata.

    Args:
        controller: The name of a shipped controller, or a controller's file.
        folder: Made if missing; files of these names in it are replaced.
        repo_id: ``owner/name`` of the repository to be, which the card tells how to load.
        license: As the Hub names licences (``mit``, ``apache-2.0``, ``cc-by-4.0``...): you choose it.

    Returns:
        The folder.

    Raises:
        InputError: if there is no such controller, its file is not usable, the licence is empty or the
            folder cannot be written to.
    """
    folder, file = Path(folder), controller_file(controller)
    with _told(repo_id):
        hf_hub_url(repo_id, FILE)  # checks the name, and asks nobody
    if "/" not in repo_id:
        raise _no_name(repo_id)
    if not license.strip():
        raise InputError('a controller that is shared has a licence: give one, such as license="mit"')
    check_output_folder(folder, "the folder")
    made = Controller.load(file)
    shipped = file in shipped_controllers().values()
    told = controller_card(file.stem) if shipped else card_of(made, repo_id.partition("/")[2])
    metadata = ModelCardData(library_name="rlflood", license=license, tags=list(TAGS)).to_yaml()
    page = f"---\n{metadata}\n---\n\n{told.rstrip()}\n\n{_USE.format(repo_id=repo_id)}"
    for name, content in ((FILE, made.to_bytes()), (CARD, page)):
        write_output(folder / name, content, "the file")
    return folder


def save_to_hub(
    controller: str | Path, repo_id: str, *, license: str, private: bool = False, token: str | None = None
) -> str:
    """Upload a controller and its card; a repository that is not there yet is made.

    Args:
        controller: See :func:`write_folder`.
        repo_id: ``owner/name``.
        license: See :func:`write_folder`.
        private: Whether a new repository is seen by its owner alone.
        token: Of the Hub; the one of ``hf auth login`` if not given.

    Returns:
        The address of what was uploaded.

    Raises:
        InputError: see :func:`write_folder`; or if the Hub refuses, or cannot be reached.
    """
    with TemporaryDirectory() as place:
        folder = write_folder(controller, place, repo_id=repo_id, license=license)
        message = f"Controller {Controller.load(folder / FILE).fingerprint}"
        api = HfApi(token=token)
        with _told(repo_id):
            api.create_repo(repo_id, private=private, exist_ok=True)
            done = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message)
    return str(done.commit_url)


def from_hub(
    repo_id: str, *, revision: str | None = None, local_files_only: bool = False, token: str | None = None
) -> Controller:
    """The controller in a repository of the Hub; nothing of it is unpickled or run::

        controller = from_hub("owner/name", revision="v1")
        scheduler = rlflood.PolicyScheduler(controller, epochs=100, classes=10)

    Its file is kept in the Hub's cache, and fetched once.

    Args:
        repo_id: ``owner/name``.
        revision: A branch, a tag or a commit; the newest of the main branch if not given. A commit is the
            same controller for ever.
        local_files_only: Take what the cache has and ask the Hub nothing.
        token: Of the Hub, for a private repository; the one of ``hf auth login`` if not given.

    Raises:
        InputError: if there is no such repository, revision or controller in it, its file is not usable or
            larger than 16 MiB, or it is not in the cache and the Hub may not be asked or cannot be reached.
    """
    api = HfApi(token=token)
    with _told(repo_id, revision, local_files_only):
        if not local_files_only:
            found = api.hf_hub_download(repo_id, FILE, revision=revision, dry_run=True)
            assert isinstance(found, DryRunFileInfo)
            _check_size(repo_id, found.file_size)
        # by the same revision, not by the commit found: the cache would not know the branch
        file = api.hf_hub_download(repo_id, FILE, revision=revision, local_files_only=local_files_only)
    assert isinstance(file, str)
    _check_size(repo_id, Path(file).stat().st_size)
    return Controller.from_bytes(Path(file).read_bytes(), f"{FILE} of {repo_id}")


def _check_size(repo_id: str, size: int | None) -> None:
    if size is not None and size > LARGEST:
        raise InputError(
            f"{FILE} of {repo_id} has {size / 2**20:.0f} MiB, and no controller has more than "
            f"{LARGEST // 2**20}: it is something else, and was not loaded"
        )


def _no_name(repo_id: str) -> InputError:
    return InputError(f"{repo_id!r} is not the name of a repository: give owner/name")


@contextmanager
def _told(repo_id: str, revision: str | None = None, local_files_only: bool = False) -> Iterator[None]:
    """What goes wrong with the Hub, as an :class:`~rlflood.errors.InputError`."""
    try:
        yield
    except InputError:
        raise
    except errors.HFValidationError:
        raise _no_name(repo_id) from None
    except errors.GatedRepoError:
        raise InputError(f"{repo_id} is gated: ask for access on its page, and {_LOG_IN}") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"the Hub has no repository {repo_id} that you may see: check the name or, where it is private, "
            f"{_LOG_IN}"
        ) from None
    except errors.RevisionNotFoundError:
        raise InputError(
            f"{repo_id} has no revision {revision!r}: give a branch, a tag or a commit that it has"
        ) from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        if local_files_only:
            do = "leave local_files_only out to fetch it"
        else:
            do = "the Hub cannot be reached; try again with a network, and without HF_HUB_OFFLINE"
        raise InputError(f"{FILE} of {repo_id} is not in this machine's cache: {do}") from None
    except errors.EntryNotFoundError:
        raise InputError(f"{repo_id} has no {FILE}: it is not a repository of a controller") from None
    except errors.HfHubHTTPError as error:
        said = error.server_message or error.response.reason_phrase
        more = f"; {_LOG_IN}" if error.response.status_code in (401, 403) else ""
        raise InputError(f"the Hub refuses {repo_id} ({error.response.status_code}, {said}){more}") from None
    except (_TransportError, OSError) as error:
        raise InputError(f"the Hub cannot be reached for {repo_id} ({error}): try again later") from None
