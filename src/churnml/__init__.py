"""churnml predicts silent defection: customers who leave without ever complaining.

Importing the package does no work; the public names are loaded when they are first used.

>>> import churnml
>>> config = churnml.load_config("shop.yaml")  # doctest: +SKIP
>>> churnml.train(config).leaderboard()  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churnml.config import load_config
    from churnml.workflows.ablation import ablate
    from churnml.workflows.audit import audit_config as audit
    from churnml.workflows.campaigns import campaigns
    from churnml.workflows.check import check
    from churnml.workflows.compare import compare
    from churnml.workflows.dataset import build_dataset
    from churnml.workflows.define import define
    from churnml.workflows.demo import simulate
    from churnml.workflows.explain import explain
    from churnml.workflows.insights import insights as find_insights
    from churnml.workflows.promote import promote
    from churnml.workflows.quotes import quotes as find_quotes
    from churnml.workflows.report import report as write_report
    from churnml.workflows.score import score
    from churnml.workflows.train import train

__version__ = "0.1.0"
__all__ = [
    "ablate",
    "audit",
    "build_dataset",
    "campaigns",
    "check",
    "compare",
    "define",
    "explain",
    "find_insights",
    "find_quotes",
    "load_config",
    "promote",
    "score",
    "simulate",
    "train",
    "write_report",
]

_WHERE = {
    "ablate": ("churnml.workflows.ablation", "ablate"),
    "audit": ("churnml.workflows.audit", "audit_config"),
    "build_dataset": ("churnml.workflows.dataset", "build_dataset"),
    "campaigns": ("churnml.workflows.campaigns", "campaigns"),
    "check": ("churnml.workflows.check", "check"),
    "compare": ("churnml.workflows.compare", "compare"),
    "define": ("churnml.workflows.define", "define"),
    "explain": ("churnml.workflows.explain", "explain"),
    "find_insights": ("churnml.workflows.insights", "insights"),
    "find_quotes": ("churnml.workflows.quotes", "quotes"),
    "load_config": ("churnml.config", "load_config"),
    "promote": ("churnml.workflows.promote", "promote"),
    "score": ("churnml.workflows.score", "score"),
    "simulate": ("churnml.workflows.demo", "simulate"),
    "train": ("churnml.workflows.train", "train"),
    "write_report": ("churnml.workflows.report", "report"),
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    """The public names, for whoever explores."""
    return sorted({*globals(), *__all__})
