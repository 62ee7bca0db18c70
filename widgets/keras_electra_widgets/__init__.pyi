"""The exported names and their homes: read by type checkers, and by `__init__.py`."""

from .figure import LiveFigure as LiveFigure
from .finetune import FineTuneLauncher as FineTuneLauncher
from .monitor import RunMonitor as RunMonitor
from .panel import Panel as Panel
from .pretrain import PretrainLauncher as PretrainLauncher
from .replaced_token_view import ReplacedTokenView as ReplacedTokenView
from .run_table import RunTable as RunTable
from .task_explorer import TaskExplorer as TaskExplorer
