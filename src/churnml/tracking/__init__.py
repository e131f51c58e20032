"""What MLflow keeps: training runs, comparisons, the registered model and its aliases. Only here is mlflow imported.

The store is SQLite at `<models>/mlflow.db` with artifacts under `<models>/artifacts`, unless a server is named by
`MLFLOW_TRACKING_URI`. Trainings are runs of the experiment `churnml_<project>`, comparisons of
`churnml_<project>_comparisons`. A registered version is a `mlflow.pyfunc` model that reads the bundle. The champion is
also exported to `<models>/<project>/champion`, so that a night without the server is still scored.
"""

from churnml.tracking.records import DataFile, Exported, ModelVersion, RunRecord, Sample, TrainingRecord
from churnml.tracking.tracker import CHALLENGER, CHAMPION, Tracker

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "DataFile",
    "Exported",
    "ModelVersion",
    "RunRecord",
    "Sample",
    "Tracker",
    "TrainingRecord",
]
