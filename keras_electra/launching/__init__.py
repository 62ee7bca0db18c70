"""Starting runs as processes of their own: what is asked for, checked, estimated, started, found again."""

from keras_electra.launching.estimating import Estimate, estimate
from keras_electra.launching.finetune_plan import FinetunePlan
from keras_electra.launching.installed import installed_backends, usual_backend
from keras_electra.launching.places import free_name
from keras_electra.launching.pretrain_plan import PretrainPlan
from keras_electra.launching.programs import finetune_program, pretrain_program
from keras_electra.launching.starting import Launch, LaunchStatus, launch

__all__ = [
    "Estimate",
    "FinetunePlan",
    "Launch",
    "LaunchStatus",
    "PretrainPlan",
    "estimate",
    "finetune_program",
    "free_name",
    "installed_backends",
    "launch",
    "pretrain_program",
    "usual_backend",
]
