"""Computing in another process, asked over pipes: JSON lines in, JSON lines out.

The asking side needs no Keras, so that a notebook's kernel stays free and instant. A request is an object
with `id`, `kind` and `view`; of two requests of one view the newer counts. Answers carry the `id` and a
`kind`: "answer" or "progress" with a `value`, "error" with a `message`, "dropped" for a request whose view
asked anew, "cancelled". The worker says "ready" first, and ends when its standard input ends.
"""

from keras_electra.workers.asking import Reply, WorkerError
from keras_electra.workers.client import WorkerClient
from keras_electra.workers.inspector_client import InspectorClient
from keras_electra.workers.local import LocalWorker
from keras_electra.workers.loop import WorkerLoop, private_pipes
from keras_electra.workers.predictor_client import PredictorClient

__all__ = [
    "InspectorClient",
    "LocalWorker",
    "PredictorClient",
    "Reply",
    "WorkerClient",
    "WorkerError",
    "WorkerLoop",
    "private_pipes",
]
