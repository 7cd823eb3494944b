"""Write the tables into the pages, and the figures beside the runs. A second call changes nothing."""

from benchmarks.results.pages import FIGURES, filled, pages
from benchmarks.results.runs import FOLDER
from rlflood.errors import told
from rlflood.experiments.report.figures.canvas import check_matplotlib
from rlflood.files import write_whole


def main() -> None:
    """Bring what is out of date up to date, and say what it was."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        if (after := filled(before)) != before:
            write_whole(page, after.encode())
            print(f"written: {page}")
    check_matplotlib()
    for name, draw in FIGURES.items():
        path, figure = FOLDER / name, draw()
        if path.read_bytes() != figure:
            write_whole(path, figure)
            print(f"written: {path}")


if __name__ == "__main__":
    with told():
        main()
