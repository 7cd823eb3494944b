"""Methods on another task than the setting's."""

from abc import abstractmethod
from dataclasses import replace

from rlflood.experiments.methods.base import Method
from rlflood.experiments.runs.setting import Setting
from rlflood.training import Task


class OnChangedTask(Method):
    """A method on the setting's task with some fields changed; a subclass says which.

    Attributes:
        method: The method.
    """

    method: Method
    floods = False  # whoever trained a run again would do it on the setting's own task

    @abstractmethod
    def changed(self, task: Task) -> Task:
        """The task that is trained in place of ``task``.

        Raises:
            InputError: if there is none.
        """

    def check(self, task: Task) -> None:
        """See :meth:`Method.check`: it needs what its method needs."""
        self.method.check(self.changed(task))

    def own(self, setting: Setting) -> Setting:
        """The setting with the task that is trained."""
        return replace(setting, task=self.changed(setting.task))
