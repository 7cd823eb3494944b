"""The page itself: template, style, scripts and data in one file."""

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from rlflood.errors import InputError
from rlflood.experiments.analysis.summary import summarise
from rlflood.experiments.report.page import provenance
from rlflood.experiments.report.page.curves import task_curves
from rlflood.experiments.report.page.payload import comparison, names
from rlflood.experiments.report.text.captions import VIEW_MOMENTS, definitions, noisy_labels
from rlflood.experiments.study.folder import STUDY
from rlflood.experiments.study.results import Results
from rlflood.extras import check_package
from rlflood.words import capitalised, counted

# in the order in which they build on each other
_SCRIPTS = ("charts.js", "legend.js", "tables.js", "comparison.js", "task.js", "page.js")


def page(results: Results) -> str:
    """One HTML file with everything that a study has so far, to be opened from disk and passed on.

    It asks for nothing from any network: a content security policy forbids it, and lets no script run but
    those that belong to the page, whatever stands in the names of tasks and methods.

    Raises:
        MissingPackage: if jinja2 or plotly is missing.
    """
    for module, package in (("jinja2", "Jinja"), ("plotly.offline", "Plotly")):
        check_package(module, f"the page of a report needs {package}")
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    data = names(results)
    nothing_yet, notes = "", {}
    try:
        data, notes = comparison(results), definitions(summarise(results, "deployed"))
    except InputError as error:
        nothing_yet = str(error)
    study = results.study
    # what the switches are set to at first
    data["choice"] = {"moment": "deployed", "labels": "noisy" if study.noisy_test else "clean"}
    scripts = [Markup(text) for text in (get_plotlyjs(), *map(_file, _SCRIPTS))]
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"counted": counted, "capitalised": capitalised}
    return environment.from_string(_file("page.html.jinja")).render(
        study=study,
        methods=results.methods,
        nothing_yet=nothing_yet,
        notes=notes,
        moments=VIEW_MOMENTS,
        gaps=provenance.gaps(results),
        runs_done=sum(len(repeats) for repeats in results.repeats.values()),
        runs_wanted=study.seeds * len(study.tasks) * len(results.methods),
        starts=provenance.starts(results),
        made=provenance.made(results),
        machines=provenance.machines(results),
        noisy_labels=noisy_labels(results),
        settings=provenance.settings_toml(study),
        study_file=STUDY,
        seconds=provenance.seconds_by_method(results),
        controllers=provenance.controllers(results),
        policy=_policy(scripts),
        style=Markup(_file("page.css")),
        scripts=scripts,
        data=Markup(_json(data)),
        curves=[Markup(_json(task_curves(results, task))) for task in study.tasks],
    )


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON for a script element, which the next ``</script>`` would end."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _policy(scripts: list[Any]) -> str:
    """Who may do what in the page: scripts with these very texts may run, and nothing is fetched.

    Pictures are allowed from the page's own memory, for downloads of charts.
    """
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
