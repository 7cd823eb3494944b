"""What tables and figures of a study say about themselves."""

from dataclasses import dataclass

from rlflood.experiments.analysis.budgets import EqualRuns
from rlflood.experiments.analysis.summary import NO_FLOODING, Summary
from rlflood.experiments.report.text.wording import diverged_note
from rlflood.experiments.runs.record import ViewMoment
from rlflood.experiments.study.results import Results
from rlflood.training.trainer import Moment
from rlflood.words import capitalised, counted

NETWORKS: dict[Moment, str] = {
    "last": "last epoch",
    "best": "best checkpoint",
    "average": "average",
    "best-average": "best average",
}
"""What tables call the four networks of a run."""
VIEW_MOMENTS: dict[ViewMoment, str] = {
    "deployed": "of the network that the method's user would deploy",
    "last": "after the last epoch",
    "best": "at the best validation checkpoint",
    "average": "of the averaged weights after the last epoch",
    "best-average": "of the averaged weights at their best validation checkpoint",
}
"""Which network of a run a figure is of, the headline first."""
NETWORK_DEFINITION = (
    "Network: the one that is deployed: as it is after the last epoch, at its best validation accuracy "
    "(checkpoint), the average of its weights, or that average at its own best."
)
NO_USER = "looks at the test split, which a user cannot"


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a study.

    Attributes:
        moment: Which network of a run.
        noisy: Whether test labels have the task's noise.
    """

    moment: ViewMoment
    noisy: bool

    @property
    def key(self) -> str:
        """For names of files, such as ``deployed-clean``."""
        return f"{self.moment}-{'noisy' if self.noisy else 'clean'}"

    @property
    def accuracy(self) -> str:
        """What accuracy it is of: test labels and moment."""
        return f"test accuracy, {'noisy' if self.noisy else 'clean'} labels, {VIEW_MOMENTS[self.moment]}"


def views(results: Results) -> list[View]:
    """All of them, the study's headline first; without noisy labels anywhere, there is one kind of labels."""
    headline = results.study.noisy_test
    kinds = [headline, not headline] if any(task.label_noise for task in results.study.tasks) else [headline]
    return [View(moment, noisy) for noisy in kinds for moment in VIEW_MOMENTS]


def described(results: Results, summary: Summary) -> str:
    """Moment, labels, repeats and tasks that a comparison rests on, and what it lacks, in sentences."""
    accuracy = View(summary.moment, summary.noisy).accuracy
    repeats, tasks = len(summary.repeats), len(summary.tasks)
    each = "each of " if tasks > 1 else ""
    text = f"{capitalised(accuracy)}; in %, {counted(repeats, 'seed')} on {each}{counted(tasks, 'task')}."
    return " ".join(filter(None, (text, noisy_labels(results), what_is_missing(results))))


def noisy_labels(results: Results) -> str:
    """One sentence on which labels are wrong under label noise; empty where there is none."""
    if not any(task.label_noise for task in results.study.tasks):
        return ""
    return (
        "Under label noise training and validation labels are wrong in the task's share, and methods choose "
        "by these; noisy test labels are wrong in the same share, clean ones are right."
    )


def gap_definition(summary: Summary) -> str:
    """What a standing's share of the gap is, in sentences."""
    return (
        f"Gap closed, in %: (method - {NO_FLOODING}) / ({summary.oracle} - {NO_FLOODING}), each difference "
        "the mean over all tasks and seeds."
    )


def equal_runs_definition(equal: EqualRuns) -> str:
    """What is compared at equal numbers of runs, in sentences."""
    names = [row.name for row in equal.rows]
    sentences = [
        "Of several runs one is picked by validation. A search that can be stopped after any run is taken "
        "after its first K runs, unless the study has it with a budget of K; a grid is taken with K levels "
        "only."
    ]
    if any(name.startswith("tpe") for name in names):
        sentences.append(
            "TPE draws the first third of its own budget, 10 runs at most, at random: with a budget of K it "
            "would turn to its model earlier than in the first K runs of a longer search."
        )
    if equal.reference is not None:
        sentences.append(
            f"Differences in points from {equal.reference} with as many runs, paired by task and seed; what "
            "training the controller cost is not among the runs."
        )
    return " ".join(sentences)


def definitions(summary: Summary) -> dict[str, str]:
    """What the page says of the share of the ``gap``, of ``equal_runs`` and of runs that ``diverged``; empty
    where it shows none."""
    gaps, equal = any(standing.gap is not None for standing in summary.standings), summary.equal_runs
    return {
        "gap": gap_definition(summary) if gaps else "",
        "equal_runs": "" if equal is None else equal_runs_definition(equal),
        "diverged": diverged_definition(summary),
    }


def diverged_definition(summary: Summary) -> str:
    """Which methods have runs that diverged, and what that is, in sentences; empty if none has."""
    counts = ((standing.method, standing.diverged) for standing in summary.standings)
    return diverged_note(counts, len(summary.tasks) * len(summary.repeats))


def what_is_missing(results: Results) -> str:
    """One sentence on what an unfinished study lacks; empty if it lacks nothing."""
    if results.finished:
        return ""
    study = results.study
    wanted = len(study.tasks) * len(results.methods) * study.seeds
    done = sum(len(repeats) for repeats in results.repeats.values())
    return (
        f"The study is unfinished: {done} of {counted(wanted, 'run')} (task, method and repeat) are done, "
        "and only what all methods have in common is compared."
    )
