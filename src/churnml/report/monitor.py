"""Draw the page of watched nights: are they as good as training promised, and does anything move?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from churnml.monitoring.verdict import (
    FEATURES_DRIFT,
    JUDGED,
    LEFT_OUT,
    SCORES_DRIFT,
    WAITING,
    WORSE,
    WORSE_TOGETHER,
)
from churnml.monitoring.watch import Monitored
from churnml.report import monitor_charts
from churnml.report.page import page
from churnml.report.tables import interval
from churnml.report.words import between, day, listed, percent, score, several
from churnml.report.words import sentence as as_sentence

if TYPE_CHECKING:
    from churnml.config import Scoring

ADVICE = {
    WORSE: "One night among good ones: look at the extracts of that day. Were they wrong, mend them and score the day "
    "again, or roll back. Several nights: train anew.",
    WORSE_TOGETHER: "No single night is to blame. Train anew on newer snapshots, and compare; until then, trust the "
    "order of the customers if AUROC and lift are as promised, and the chances if log loss and calibration error are.",
    SCORES_DRIFT: "Look whether a feed has stopped, or features have moved as well. A feed is mended, and its nights "
    "scored again; a business that has changed needs a new training.",
    FEATURES_DRIFT: "The table below names what has moved most; look at the sources these features come from.",
}
"""What to do, by kind of finding."""


def sentence(found: Monitored) -> str:
    """The verdict in one sentence."""
    standing = found.nights[~found.nights["withdrawn"].astype(bool)]
    judged = int((standing["state"] == JUDGED).sum())
    worse = [each for each in found.findings if each.kind == WORSE]
    moved = any(each.kind in (SCORES_DRIFT, FEATURES_DRIFT) for each in found.findings)
    drifting = (
        "later nights have drifted away from the training" if moved else "none since is beyond the limits of drift"
    )
    if worse:
        named = day(worse[0].nights[0]) if len(worse) == 1 else f"{len(worse)} of {several(judged, 'judged night')}"
        return f"{'The night of ' if len(worse) == 1 else ''}{named} {'was' if len(worse) == 1 else 'were'} worse " + (
            f"than promised, and {drifting}"
        )
    if any(each.kind not in (WORSE, SCORES_DRIFT, FEATURES_DRIFT) for each in found.findings):
        return f"Taken together, the judged nights were worse than promised, and {drifting}"
    if not judged and len(standing) and (standing["state"] == LEFT_OUT).all():
        return f"No night can be judged yet: {'the one night is' if len(standing) == 1 else 'all nights are'} left out"
    if not judged:
        waited = "but they have drifted away from the training" if moved else "and none has drifted beyond the limits"
        return f"No night can be judged yet, {waited}"
    kept = "The one judged night was" if judged == 1 else f"All {judged} judged nights were"
    return f"{kept} as good as promised, {'but' if moved else 'and'} {drifting}"


def calm(found: Monitored) -> str:
    """What is said where nothing was found: never more than was looked at."""
    if len(found.state(JUDGED)):
        return "Nothing is worse than promised beyond noise, and nothing has drifted beyond the limits."
    if len(found.state(WAITING)):
        return "No night is old enough to know what became of its customers. Nothing has drifted beyond the limits."
    return "Nothing can be said of them: every night is left out, for the reasons told below."


def render_monitor(found: Monitored, scoring: Scoring, *, definition_of: tuple[str, str]) -> str:
    """The page as HTML; `definition_of` says in words what counts as leaving, and as telling the company."""
    shown = [
        figure for metric in monitor_charts.TITLES if (figure := monitor_charts.by_night(found, metric)) is not None
    ]
    return page(
        "monitor.html",
        data=found,
        verdict=sentence(found),
        key_figures=_key_figures(found),
        findings=[(as_sentence(each.text), ADVICE[each.kind]) for each in found.findings],
        calm=calm(found),
        first=shown[:1],
        others=shown[1:],
        together=monitor_charts.together(found),
        counted=monitor_charts.counted(found),
        drift=monitor_charts.drift(found, scoring),
        features=monitor_charts.features(found),
        moved=monitor_charts.moved(found, scoring),
        nights=monitor_charts.every_night(found),
        trust=_trust(found, scoring),
        leaving=definition_of[0],
        voice=definition_of[1],
    )


def _key_figures(found: Monitored) -> list[tuple[str, str, str]]:
    """What it is, the figure, and what stands below it in small letters."""
    figures = []
    led = found.overall[found.overall["metric"] == "auroc"]
    if len(led):
        row = led.iloc[-1]
        figures.append(
            (
                "AUROC of silent leavers",
                score(row["value"]),
                f"{interval(row['low'], row['high'])}; promised {score(row['promised'])} "
                f"({several(int(row['nights']), 'night')} of model {row['model']})",
            )
        )
    else:
        figures.append(("AUROC of silent leavers", "not known", "no night has been judged"))
    judged = found.state(JUDGED)
    judged = judged[~judged["withdrawn"].astype(bool)]
    if judged["outcomes"].sum():
        shares = [float(judged[name].sum() / judged["outcomes"].sum()) for name in ("silent", "expected")]
        figures.append(("Left silently", percent(shares[0]), f"{percent(shares[1])} expected, of the judged nights"))
    else:
        figures.append(("Left silently", "not known", "no outcome is known yet"))
    out = int((found.nights["state"] == LEFT_OUT).sum())
    gone = int(found.nights["withdrawn"].sum())
    rest = [f"{len(found.state(WAITING))} waiting for their outcomes"]
    rest += [f"{out} that cannot be judged"] if out else []
    rest += [f"{gone} withdrawn"] if gone else []
    figures.append(("Nights judged", f"{len(found.state(JUDGED))} of {len(found.nights)}", listed(rest)))
    return figures


def _trust(found: Monitored, scoring: Scoring) -> list[tuple[str, list[str]]]:
    """How all this was found, and where it must not be trusted."""
    limits = scoring.monitor
    judging = [
        f"A night is judged when the outcomes of its customers are known, here as known at the start of "
        f"{day(found.as_of)}, by the same definition and the same code as in training, and by the chances that were "
        "published then.",
        "It is held against the figures that its own model had on the test snapshots of its training.",
        f"It is called worse when it falls short by more than is tolerated (AUROC {limits.auroc:g}, calibration error "
        f"{limits.calibration_error:g}, log loss {percent(limits.log_loss)}, lift {percent(limits.lift)}) and by more "
        "than chance explains: less than one look in a hundred, over all nights and figures, gives an alarm by "
        "chance alone. The error that chance alone gives a small night’s calibration is allowed.",
        "Neighbouring nights look at the same customers and nearly the same days: they are no independent proof.",
    ]
    guessing = [
        "Hollow marks are estimates (confidence-based performance estimation, CBPE): each customer counts as left with "
        "the chance that the model gave. They hold only while the chances are right, and cannot see that leaving "
        "itself has changed.",
        *_record(found),
    ]
    parts = [("How nights are judged", judging), ("What the estimates are worth", guessing)]
    out = found.nights[found.nights["state"] == LEFT_OUT]
    if len(out):
        by_reason = out.groupby("why", sort=True)["as_of"].apply(list)
        said = [
            as_sentence(f"{listed([day(when) for when in days][:6])}{' and others' if len(days) > 6 else ''}: {why}")
            for why, days in by_reason.items()
        ]
        parts.append(("Nights that cannot be judged", said))
    gone = int(found.nights["gone"].max()) if len(found.nights) else 0
    if gone:
        missing = (
            f"Up to {several(gone, 'customer')} of a night are not in the data any more, or were not eligible by what "
            "the data say now; the night is judged by the others."
        )
        parts.append(("Customers who are not there any more", [missing]))
    return parts


def _record(found: Monitored) -> list[str]:
    """How far the estimates of the judged nights lay from what came."""
    keys = ["night", "outcome", "metric"]
    both = found.figures.merge(found.estimates[[*keys, "estimate"]], on=keys)
    both = both[both["metric"] == "auroc"]
    if both.empty:
        return ["No estimate can be held against an outcome yet."]
    off = (both["estimate"] - both["value"]).astype(float)
    return [
        f"On {several(len(off), 'judged night')} the estimate of the AUROC lay {score(float(off.abs().mean()))} from "
        f"what came, on average ({between(float(off.min()), float(off.max()), '{:+.3f}'.format)})."
    ]
