"""One customer's score in sentences, with the themes that push it up and down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from churnml import dataset
from churnml.config import Config
from churnml.errors import DataError
from churnml.explanation.attribution import attribute
from churnml.explanation.reasons import keeps, reasons
from churnml.explanation.themes import by_theme
from churnml.outcomes import OUTCOMES
from churnml.report.waterfall import signed, waterfall
from churnml.scoring.publish import publication
from churnml.workflows.business import Business, Progress, open_business, silently, takes_path
from churnml.workflows.ids import written_otherwise
from churnml.workflows.score import cards, champion, recipe_of

BAR = 18


@dataclass(frozen=True)
class Explanation:
    """Chances, sentences and theme contributions (log-odds) of one customer; base and themes add up to the margin.

    `likely_reason` is the theme that probably drives the customer out; None where none stands out. `remark` says where
    this is not what the published night says.
    """

    as_of: date
    chances: dict[str, float]
    likely_reason: str | None
    reasons: list[str]
    keeps: list[str]
    themes: dict[str, float]
    declared: str
    base: float
    margin: float
    remark: str = ""

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "as_of": self.as_of.isoformat()}

    def text(self) -> str:
        """The explanation to read in a terminal, with a small bar per theme."""
        from rich.markup import escape

        chances = ", ".join(f"{outcome} {self.chances[outcome]:.0%}" for outcome in OUTCOMES)
        lines = [f"[bold]As of {self.as_of}[/]: {chances}", ""]
        for title, sentences in (("What speaks for leaving", self.reasons), ("What keeps them", self.keeps)):
            if sentences:
                lines += [f"[bold]{title}[/]", *(f"  {escape(sentence)}" for sentence in sentences), ""]
        if self.likely_reason is not None:
            lines += [f"[bold]What may be behind it[/], as far as the model sees: {self.likely_reason}", ""]
        widest = max(map(abs, self.themes.values()), default=0.0) or 1.0
        lines.append(f"[bold]By theme[/], in {self.declared}")
        for theme, value in self.themes.items():
            bar = "█" * max(int(signed(value) != "0.00"), round(BAR * abs(value) / widest))
            sides = (" " * BAR, f"[red]{bar}[/]") if value > 0 else (f"{' ' * (BAR - len(bar))}[blue]{bar}[/]", "")
            lines.append(f"  {theme:<24} {signed(value):>5} {sides[0]}│{sides[1]}")
        lines.append(f"  from {signed(self.base)}, the mean of all customers learnt from, to {signed(self.margin)}")
        lines += ["", self.remark] if self.remark else []
        return "\n".join(lines)

    def figure(self, path: Path) -> Path:
        """Write the waterfall of the themes as .svg or .png. ConfigError for any other ending."""
        return waterfall(self.themes, self.base, self.declared, path)


@takes_path
def explain(
    config: Config,
    customer: str,
    as_of: date | None = None,
    *,
    root: Path | None = None,
    progress: Progress = silently,
) -> Explanation:
    """Explain one customer at the start of `as_of` (default: the published night) with the champion.

    Of the day of the published night, what that night knew counts: what was recorded before its `known_at`.

    Raises
    ------
    DataError
        Nothing is published and no day is given, or the customer is not on the spine that day; it says why, and how
        an id that nobody has is written otherwise. The message holds no id.
    """
    bundle, exported = champion(config)
    recipe = recipe_of(bundle, config)
    as_of, known_at, model = _published(config, as_of)
    with open_business(config, root, progress) as business:
        night = dataset.build(
            business.canonical,
            config,
            business.engine,
            [as_of],
            recipe,
            features_known_at=known_at,
            state=bundle.fitted,
        )
        mask = (night.keys["customer_id"] == customer).to_numpy()
        if not mask.any():
            raise _not_scored(customer, night, business, as_of)
    X = night.at(mask).X
    told = cards(bundle, recipe)
    attribution = attribute(bundle.classifier, X)
    totals = by_theme(attribution, told).iloc[0]
    ordered = totals[totals.abs().sort_values(ascending=False).index]
    currency = config.economics.currency
    pushes, most = bundle.usual_pushes, config.scoring.reasons
    said = reasons(attribution, X, told, bundle.usual, most, currency, pushes, bundle.medians).iloc[0]
    kept = keeps(attribution, X, told, bundle.usual, currency=currency, medians=bundle.medians).iloc[0]
    chances = bundle.on(night.X).predict_proba(X)[0]
    return Explanation(
        as_of,
        dict(zip(bundle.classes, map(float, chances), strict=True)),
        said["likely_reason"],
        [str(text) for name, text in said.items() if str(name).startswith("reason_") and isinstance(text, str)],
        [str(text) for text in kept if isinstance(text, str)],
        {str(theme): float(value) for theme, value in ordered.items()},
        attribution.declared,
        float(attribution.base[0]),
        float(attribution.margin[0]),
        f"The published night was scored by version {model}; this is what version {exported.model.version} says, the "
        "champion by now."
        if model not in ("", exported.model.version)
        else "",
    )


def _not_scored(customer: str, night: dataset.Dataset, business: Business, as_of: date) -> DataError:
    """Why a customer has no row: not on the spine, not known yet, or nobody has the id; the id itself is not told."""
    why = night.excluded.loc[night.excluded["customer_id"] == customer, "reason"]
    if len(why):
        return DataError(f"the customer was not scored at {as_of}: {why.iloc[0]}", "choose another customer or day")
    ids = business.engine.frame(business.canonical.customers.select("customer_id"))["customer_id"]
    if (ids == customer).any():
        return DataError(f"the customer is not known yet at {as_of}", "choose another customer or a later day")
    if said := written_otherwise(customer, ids):
        return DataError("no customer has this id", f"the same id {said} is there")
    return DataError("no customer has this id", "give it as the customers table writes it")


def _published(config: Config, as_of: date | None) -> tuple[date, datetime | None, str]:
    """The day, and of the published night, if it is of that day, its `known_at` and the version that scored it."""
    try:
        current = publication(config).current()
        told = current.manifest() if current is not None else {}
    except DataError:
        if as_of is None:
            raise
        return as_of, None, ""
    if current is None and as_of is None:
        raise DataError("nothing is published yet, so there is no night to explain", "give --as-of")
    if current is None or (as_of or current.as_of) != current.as_of:
        assert as_of is not None
        return as_of, None, ""
    return current.as_of, datetime.fromisoformat(told["known_at"]), str(told["model_version"])
