"""Features of a user's own: they work like built-in ones, and what is wrong is said with file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from churnml import dataset, sources
from churnml.errors import ConfigError
from churnml.features.build import build
from churnml.features.custom import CustomFeatures
from churnml.features.recipe import Recipe
from churnml.features.registry import Context, Declared, Inventory, declare

FOUND = Inventory({"purchase": frozenset({"amount", "channel"})}, ("web",))
GOOD = """
from churnml.features import Feature, Fitted, Needs, count, of, ratio, within


def declare(context, inventory):
    purchases = Needs(("purchase",), columns=("amount",))
    small = Feature(
        name="small_purchases_90d", doc="Purchases below 10 in the last 90 days.", unit="purchases",
        theme="value and contract", needs=purchases, empty=0.0, worse="higher", grain="event",
        sentence="{value:count small purchase} in the last 90 days[; typical is {usual}]",
        expression=lambda t: count(t, of(t, ["purchase"]), within(t, 90), (t.amount < 10).fill_null(False)),
    )
    yield small
    yield Feature(
        name="small_above_usual", doc="Small purchases against the mean of training customers.", unit="ratio",
        theme="value and contract", grain="fitted",
        sentence="{value:times} as many small purchases as is usual",
        fitted=Fitted(
            name="small",
            uses=(small,),
            fit=lambda rows: {"mean": float(rows.values["small_purchases_90d"].mean())},
            apply=lambda rows, state: {"ratio": rows.values["small_purchases_90d"].to_numpy() / max(state["mean"], 1)},
        ),
        expression=lambda t: t["ratio"],
    )
"""


def declared(folder: Path, text: str, **options: Any) -> Declared:
    (folder / "own.py").write_text(text)
    own = CustomFeatures.load("own.py", folder)
    return declare(Context(), FOUND, ("recency",), custom=[own.declare], **options)


def one(**changes: str) -> str:
    """A file with one feature, its expression on line 5, some of its parts changed."""
    parts = {
        "name": '"small_30d"',
        "doc": '"Small purchases."',
        "unit": '"purchases"',
        "theme": '"value and contract"',
        "grain": '"event"',
        "sentence": '"{value} small purchases"',
        "expression": "lambda t: t.count()",
    } | changes
    given = ", ".join(f"{name}={value}" for name, value in parts.items() if value)
    return (
        f"import ibis\nfrom churnml.features import *\n\ndef declare(context, inventory):\n    yield Feature({given})\n"
    )


def test_a_good_file_is_declared_after_the_built_in_ones(tmp_path: Path) -> None:
    result = declared(tmp_path, GOOD)
    assert [(f.name, f.family) for f in result.features[-2:]] == [
        ("small_purchases_90d", "custom"),
        ("small_above_usual", "custom"),
    ]
    assert [f.worse for f in result.features[-2:]] == ["higher", None]
    assert result.features[-2].say(1.0, 2.0) == "1 small purchase in the last 90 days; typical is 2"


def test_it_needs_and_is_excluded_like_any_other(tmp_path: Path) -> None:
    off = declared(tmp_path, GOOD.replace('columns=("amount",)', 'columns=("rating",)')).switched_off
    assert off["small_purchases_90d"] == "needs column rating of purchase, which is empty everywhere"
    assert off["small_above_usual"] == off["small_purchases_90d"], "its input is missing"
    off = declared(tmp_path, GOOD, exclude=("small_above_usual",)).switched_off
    assert off["small_above_usual"] == "excluded by the configuration"


def test_its_values_are_computed(tmp_path: Path, history: Any, event: Any) -> None:
    features = declared(tmp_path, GOOD).features
    data = history([event("purchase", 5, amount=3), event("purchase", 8, amount=30)], {"ann": 50, "bob": 50})
    frame = build(data.spine, data.events, features[-2:], Context()).to_pandas().set_index("customer_id")
    assert frame["small_purchases_90d"].to_dict() == {"ann": 1.0, "bob": 0.0}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def declare(context, inventory)\n    pass\n", "own.py:1: expected ':'"),
        ("import churnml\n\n1 / 0\n", "own.py:3: ZeroDivisionError: division by zero"),
        ("x = 1\n", "own.py:1: there is no function declare(context, inventory)"),
        ("def declare(context, inventory):\n    yield 7\n", "own.py:2: declare must yield Feature objects, not int"),
        ("def declare(context, inventory):\n    x = {}\n    return x['a']\n", "own.py:3: KeyError: 'a'"),
        (one(theme=""), "own.py:5: TypeError: Feature.__init__() missing 1 required keyword-only argument: 'theme'"),
        (one(name='"Small purchases"'), "own.py:5: feature Small purchases: name 'Small purchases' must be"),
        (one(doc='" "'), "own.py:5: feature small_30d: doc is empty"),
        (one(theme='"silence"'), "own.py:5: feature small_30d: theme 'silence' is not one of going quiet,"),
        (one(grain='"minute"'), "own.py:5: feature small_30d: grain 'minute' is not one of event,"),
        (one(grain='"fitted"'), "own.py:5: feature small_30d: fitted and grain 'fitted' go together"),
        (one(empty='"none"'), "own.py:5: feature small_30d: empty must be a number or None"),
        (one(worse='"more"'), "own.py:5: feature small_30d: worse must be 'higher' or 'lower', or None, not 'more'"),
        (one(needs='Needs("purchase")'), "own.py:5: feature small_30d: needs.kinds must be a tuple of names"),
        (one(sentence='"{visits} small ones"'), "own.py:5: feature small_30d: sentence: {visits} is not known"),
        (one(sentence='"{value:euros} spent"'), "own.py:5: feature small_30d: sentence: 'euros' is no way to say"),
        (one(expression="7"), "own.py:5: feature small_30d: expression must be a function"),
        (one(expression="lambda t: t.amonut.sum()"), "own.py:5: feature small_30d: AttributeError: "),
        (one(expression="lambda t: t.amount"), "own.py:5: feature small_30d: the expression must be an aggregate"),
        (one(expression="lambda t: t.kind.max()"), "own.py:5: feature small_30d: the expression must give a number"),
        (one(expression="lambda t: 5"), "own.py:5: feature small_30d: the expression must give a number"),
        (one(expression="lambda t: t.occurred_at.max()"), "own.py:5: feature small_30d: AttributeError: "),
        (one(expression="lambda t: ibis.now().epoch_seconds() - t.age_s.min()"), "the expression uses a clock, chance"),
        (one(expression="lambda t: (t.age_s * ibis.random()).sum()"), "the expression uses a clock, chance"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        declared(tmp_path, text)
    assert problem in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "own.py:"))


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        declared(tmp_path, GOOD.replace("value and contract", "money").replace("{value:times}", "{times}"))
    assert len(refused.value.problems) == 3


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two features are called days_since_event"):
        declared(tmp_path, one(name='"days_since_event"'))


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"features\.custom: .*nowhere\.py: no such file"):
        CustomFeatures.load("nowhere.py", tmp_path)


def test_a_configuration_names_the_file_and_its_features_reach_x(
    tmp_path: Path, shop: Any, configured: Any, engine: Any
) -> None:
    for number, name in enumerate("abcd"):
        shop.customer(name)
        for day in range(1, 4 + number):
            shop.event(name, "purchase", f"2024-03-{day:02}", amount=5.0)
    shop.event("a", "purchase", "2024-05-20")
    (tmp_path / "own.py").write_text(GOOD)
    config = configured(features="{families: [recency], custom: [own.py]}")
    config._file = tmp_path / "shop.yaml"
    canonical = sources.build(config, engine, shop.write())
    recipe = Recipe.of(config, dataset.take_inventory(canonical, date(2024, 6, 1)))
    assert list(recipe.custom) == ["own.py"] and len(recipe.custom["own.py"]) == 64
    data = dataset.build(canonical, config, engine, [date(2024, 3, 10)], recipe, labels_known_at=date(2024, 6, 1))
    assert data.X["small_purchases_90d"].tolist() == [3, 4, 5, 6]
    assert data.state["small"] == {"mean": 4.5}
    assert data.X["small_above_usual"].tolist() == [3 / 4.5, 4 / 4.5, 5 / 4.5, 6 / 4.5]


RAISING = """
import numpy as np
from churnml.features import Feature, Fitted


def fit(rows):
    return {"rows": len(rows)}  # FIT


def apply(rows, state):
    return {"x": np.ones(len(rows))}  # APPLY


def records(events):
    return events.select("customer_id", "text")  # RECORDS


def read(texts):
    return len(texts)  # READ


def value(t):
    return t["x"]  # EXPRESSION


def declare(context, inventory):
    learnt = Fitted(name="own", fit=fit, apply=apply, records=records, read=read)
    yield Feature(
        name="own", doc="Own.", unit="ratio", theme="going quiet", grain="fitted", sentence="{value}", fitted=learnt,
        expression=value,
    )
"""


@pytest.mark.parametrize(
    ("mark", "about"),
    [("FIT", "own: fit: "), ("APPLY", "own: apply: "), ("RECORDS", "own: records: "), ("READ", "own: read: "),
     ("EXPRESSION", "own: ")],
)  # fmt: skip
def test_what_a_users_function_raises_later_is_said_with_file_and_line(
    tmp_path: Path, shop: Any, configured: Any, engine: Any, mark: str, about: str
) -> None:
    lines = RAISING.splitlines()
    number = next(number for number, line in enumerate(lines) if line.endswith(f"# {mark}"))
    shop.customer("a").event("a", "purchase", "2024-03-01").event("a", "purchase", "2024-03-20")
    config = configured(features="{families: [outreach], custom: [own.py]}")
    config._file = tmp_path / "shop.yaml"
    canonical = sources.build(config, engine, shop.write())

    def build(text: str) -> dataset.Dataset:
        (tmp_path / "own.py").write_text(text)
        recipe = Recipe.of(config, dataset.take_inventory(canonical, date(2024, 6, 1)))
        return dataset.build(canonical, config, engine, [date(2024, 3, 10)], recipe, labels_known_at=date(2024, 6, 1))

    assert build(RAISING).X["own"].tolist() == [1.0]
    lines[number] = "    return {}['there is none']"
    with pytest.raises(ConfigError) as refused:
        build("\n".join(lines))
    assert str(refused.value) == f"{tmp_path / 'own.py'}:{number + 1}: feature {about}KeyError: 'there is none'"
