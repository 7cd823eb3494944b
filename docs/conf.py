"""The site: `make docs` builds it into build/docs, and any warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "rlflood"
author = "The rlflood maintainers"
html_title = "rlflood"
html_theme = "furo"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "algorithms",
    "commands",
    "controller_file",
    "features",
    "fields",
    "first_lines",
    "lists",
]
# folders of runs may hold the tables of their reports, which are no pages
exclude_patterns = ["_ext", "results/*/*"]
smartquotes = False  # --option stays --option

# a link to a name of rlflood's own has to lead somewhere; those of NumPy and PyTorch would need a network
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!rlflood\.).*"),
    # what signatures name and nobody outside of rlflood uses
    (
        "py:class",
        r"rlflood\..*\.(EpisodeSettings|Hyperparameters|LevelRuns|NetworkSize|OwnArray|Replicas|StudyTask|_OwnLevel)",
    ),
]

# headings of three levels can be linked to, as on a forge
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Returns"]  # as text: what stands before a colon in it is no type
html_static_path = ["_static"]
html_css_files = ["site.css"]
