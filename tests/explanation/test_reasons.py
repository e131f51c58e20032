from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from churnml.explanation.attribution import Attribution, Explainer, attribute
from churnml.explanation.reasons import explain, keeps, reasons

USUAL = {"days_since_engagement": 10.0, "active_days_90d": 20.0, "open_cases": 0.0, "tenure_days": 400.0}


def customer(**values):
    usual_one = {
        "days_since_engagement": 40.0,
        "active_days_90d": 3.0,
        "open_cases": 1.0,
        "tenure_days": 30.0,
        "plan": "basic",
    }
    row = pd.DataFrame({name: [value] for name, value in (usual_one | values).items()}, index=["c1"])
    return row.assign(plan=pd.Categorical(row["plan"]))


def pushed(cards, *contributions):
    values = np.array([contributions], dtype=float)
    return Attribution(tuple(card.name for card in cards), values, np.zeros(1), values.sum(axis=1))


def test_strongest_theme_first_each_theme_once_in_the_customers_numbers(cards):
    said = reasons(pushed(cards, 0.9, 0.4, 1.0, 0.2, 0.1), customer(), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "No sign of life for 40 days; usually 10 days."  # 0.9 + 0.4 beats 1.0
    assert said["reason_2"] == "1 open case; usually no open cases."
    assert said["reason_3"] == "Signed up 30 days ago; usually 400 days."
    assert said["reason_4"] == "Signed up on the plan basic."
    assert said[["theme_1", "theme_2", "theme_3"]].tolist() == [
        "going quiet",
        "unresolved problems",
        "value and contract",
    ]
    assert said["reason_5"] is None
    assert said["likely_reason"] == "unresolved problems"  # going quiet is a sign of leaving


def test_what_probably_drives_a_customer_out_stands_out_against_what_is_usual(cards):
    contributions = (0.9, 0.4, 1.0, 0.2, 0.0)
    usual = {"unresolved problems": 0.9, "value and contract": 0.05}
    said = reasons(pushed(cards, *contributions), customer(), cards, USUAL, usual_pushes=usual).loc["c1"]
    assert said["likely_reason"] == "value and contract"


def test_what_probably_drives_a_customer_out_is_what_they_have_met(cards):
    strongest = pushed(cards, 0.9, 0.4, 1.0, 0.2, 0.0)
    said = reasons(strongest, customer(open_cases=0.0), cards, USUAL).loc["c1"]
    assert said["likely_reason"] == "value and contract"  # no case is open
    said = reasons(strongest, customer(open_cases=np.nan, tenure_days=900.0), cards, USUAL).loc["c1"]
    assert said["likely_reason"] is None and said["theme_1"] == "going quiet"
    said = reasons(pushed(cards, 0.9, 0.4, -0.1, 0.0, 0.0), customer(), cards, USUAL).loc["c1"]
    assert said["likely_reason"] is None  # met, and it does not speak for leaving


def test_where_most_have_none_a_value_is_judged_beside_those_who_have_one(cards):
    waits = dataclasses.replace(cards[2], name="first_response_last_s", theme="waiting", unit="seconds")
    rare, among_those = {"first_response_last_s": float("nan")}, {"first_response_last_s": 3600.0}
    for wait, reason in ((600.0, None), (3700.0, None), (7200.0, "waiting")):
        X = pd.DataFrame({"first_response_last_s": [wait]}, index=["c1"])
        said = reasons(pushed([waits], 0.9), X, [waits], rare, medians=among_those)
        assert said.loc["c1", "likely_reason"] == reason


def test_a_theme_that_on_balance_keeps_the_customer_is_no_reason(cards):
    contributions = (0.9, -1.5, 0.2, 0.0, 0.0)
    said = reasons(pushed(cards, *contributions), customer(), cards, USUAL).loc["c1"]
    assert said["reason_1"].startswith("1 open case")
    assert said["reason_2"] is None and said["theme_2"] is None
    kept = keeps(pushed(cards, *contributions), customer(), cards, USUAL).loc["c1"]
    assert kept["keep_1"] == "Active on 3 days of the last 90; usually 20 days."
    assert kept["keep_2"] is None


def test_missing_values_are_said_in_words_or_not_at_all(cards):
    said = reasons(
        pushed(cards, 0.1, 0.0, 0.9, 0.8, 0.7),
        customer(open_cases=np.nan, tenure_days=np.nan, plan=None),
        cards,
        USUAL,
    ).loc["c1"]
    assert said.dropna().drop(["likely_reason", "keep_1"], errors="ignore").tolist() == [
        "Never opened a case.",
        "No sign of life for 40 days; usually 10 days.",
        "unresolved problems",
        "going quiet",
    ]


def test_a_value_like_everyones_is_not_worth_a_sentence(cards):
    said = reasons(pushed(cards, 0.9, 0.3, 0, 0, 0), customer(days_since_engagement=10.0), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "Active on 3 days of the last 90; usually 20 days."


def test_a_value_that_hardly_differs_is_not_worth_a_sentence(cards):
    said = reasons(pushed(cards, 0.9, 0.3, 0, 0, 0), customer(active_days_90d=19.5), cards, USUAL).loc["c1"]
    assert said["reason_1"].startswith("No sign of life for 40 days")
    said = reasons(pushed(cards, 0, 0.3, 0, 0, 0), customer(active_days_90d=19.5), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "Nothing in the history points to leaving more than is usual"


def test_good_news_is_no_reason_to_leave_and_bad_news_none_to_stay(cards):
    """A model may push somebody for having fewer open cases than others; nobody would take that for a reason."""
    usual = USUAL | {"open_cases": 2.0}
    said = reasons(pushed(cards, 0, 0, 1.0, 0, 0), customer(open_cases=1.0), cards, usual).loc["c1"]
    assert said["reason_1"] == "Nothing in the history points to leaving more than is usual" and said["theme_1"] is None
    said = reasons(pushed(cards, 0, 0, 1.0, 0, 0), customer(open_cases=3.0), cards, usual).loc["c1"]
    assert said["reason_1"] == "3 open cases; usually 2 open cases."
    for cases, kept in ((3.0, None), (1.0, "1 open case; usually 2 open cases.")):
        said = keeps(pushed(cards, 0, 0, -1.0, 0, 0), customer(open_cases=cases), cards, usual).loc["c1"]
        assert said["keep_1"] == kept


def test_the_category_that_most_have_is_not_worth_a_sentence(cards):
    common = USUAL | {"plan": "basic"}
    said = reasons(pushed(cards, 0.9, 0, 0, 0, 1), customer(), cards, common).loc["c1"]
    assert said["reason_1"].startswith("No sign of life") and said["reason_2"] is None
    said = reasons(pushed(cards, 0.9, 0, 0, 0, 1), customer(plan="family"), cards, common).loc["c1"]
    assert said["reason_1"] == "Signed up on the plan family."


def test_without_a_usual_value_the_sentence_stands_alone(cards):
    said = reasons(pushed(cards, 0.9, 0.3, 0, 0, 0), customer(days_since_engagement=1.0), cards, {}).loc["c1"]
    assert said["reason_1"] == "No sign of life for 1 day."


def twins(cards):
    """The last visit and the last use of a channel, in two themes; and a third feature of the second theme."""
    last = dataclasses.replace(
        cards[0],
        name="days_since_channel_app",
        theme="channel mismatch",
        sentence="App not used for {value}[; {usual}]",
    )
    more = dataclasses.replace(
        cards[2], name="channels_used_90d", theme="channel mismatch", sentence="{value} channels"
    )
    return [cards[0], last, more]


def two_views(app_days, channels=1.0):
    values = {"days_since_engagement": [40.0], "days_since_channel_app": [app_days], "channels_used_90d": [channels]}
    return pd.DataFrame(values, index=["c1"])


def test_two_themes_do_not_say_nearly_the_same(cards):
    both, usual = twins(cards), {"days_since_engagement": 10.0, "days_since_channel_app": 12.0}
    said = reasons(pushed(both, 0.9, 0.8, 0.1), two_views(41.0), both, usual).loc["c1"]
    assert said["reason_1"].startswith("No sign of life for 40 days")
    assert said["reason_2"] == "1 channels"  # the theme's next feature speaks instead
    said = reasons(pushed(both, 0.9, 0.8, 0.0), two_views(41.0), both, usual).loc["c1"]
    assert said["reason_2"] is None and said["theme_2"] is None
    said = reasons(pushed(both, 0.9, 0.8, 0.1), two_views(60.0), both, usual).loc["c1"]
    assert said["reason_2"] == "App not used for 60 days; 12 days"
    kept = keeps(pushed(both, 0.9, -0.8, 0.0), two_views(40.0), both, usual).loc["c1"]
    assert kept.isna().all()  # what speaks for leaving does not keep anybody


def alone(card, value, push, usual=None, medians=None):
    """What is said first for leaving, and what for staying, of a customer of whom this one feature is known."""
    X = pd.DataFrame({card.name: [value]}, index=["c1"])
    common = {} if usual is None else {card.name: usual}
    among = None if medians is None else {card.name: medians}
    said = reasons(pushed([card], push), X, [card], common, medians=among).loc["c1"]
    kept = keeps(pushed([card], push), X, [card], common, medians=among).loc["c1", "keep_1"]
    assert said["keep_1"] == kept or (said["keep_1"] is None and kept is None)
    return (None if said["reason_1"].startswith("Nothing") else said["reason_1"]), kept


def days_since(cards, what, worse, theme, **more):
    """A feature like those that are declared for each kind of event."""
    texts = {"sentence": f"No {what} for {{value:days}}", "sentence_empty": f"No {what} so far"} | more
    return dataclasses.replace(cards[0], name=f"days_since_{what}", theme=theme, worse=worse, **texts)


def test_that_something_bad_is_long_ago_is_no_merit(cards):
    late = days_since(cards, "complaint", "lower", "unresolved problems")
    assert alone(late, 616.0, -1.0, usual=100.0) == (None, None)
    assert alone(late, 616.0, -1.0, usual=float("nan"), medians=100.0) == (None, None)
    assert alone(late, 20.0, 1.0, usual=100.0) == ("No complaint for 20 days", None)
    assert alone(late, float("nan"), -1.0, usual=100.0) == (None, "No complaint so far")  # that it never was is one
    assert alone(late, float("nan"), 1.0, usual=100.0) == (None, None)
    first = dataclasses.replace(late, name="days_to_first_friction")
    assert alone(first, 25.0, -1.0, usual=3.0) == (None, None)
    good = dataclasses.replace(late, name="days_to_first_value", worse="higher")
    assert alone(good, 0.0, -1.0, usual=3.0) == (None, "No complaint for 0 days")
    still = dataclasses.replace(late, name="oldest_open_case_days", worse="higher")
    assert alone(still, 2.0, -1.0, usual=9.0) == (None, None)


def test_how_long_ago_something_was_that_tells_neither_way_is_not_said(cards):
    for what, theme in (
        ("promise_made", "broken promises"),
        ("case_responded", "waiting"),
        ("survey_sent", "unheard feedback"),
        ("outreach_sent", "unanswered outreach"),
        ("service", "unresolved problems"),
    ):
        neutral = days_since(cards, what, None, theme)
        for push in (1.0, -1.0):
            assert alone(neutral, 69.0, push, usual=20.0) == (None, None), what
            assert alone(neutral, float("nan"), push, usual=20.0) == (None, None), what
    for what, theme in (("purchase", "going quiet"), ("survey_answered", "unheard feedback")):
        silence = days_since(cards, what, None, theme)
        assert alone(silence, 69.0, 1.0, usual=20.0) == (f"No {what} for 69 days", None)
        assert alone(silence, 69.0, -1.0, usual=20.0) == (None, None)  # a silence keeps nobody
        assert alone(silence, 2.0, -1.0, usual=20.0) == (None, f"No {what} for 2 days")
    own = days_since(cards, "promise_made", None, "broken promises", family="custom")
    assert alone(own, 69.0, 1.0, usual=20.0) == ("No promise_made for 69 days", None)


def test_where_most_have_none_only_better_than_those_who_have_keeps_anybody(cards):
    half = {"unit": "share", "sentence": "{value:share} later", "sentence_empty": "Too new"}
    share = dataclasses.replace(cards[0], name="early_second_half_share", theme="rough start", worse="lower", **half)
    rare = float("nan")
    for value, kept in ((0.0, None), (0.3, None), (0.4, None), (0.7, "70% later")):
        assert alone(share, value, -1.0, usual=rare, medians=0.4) == (None, kept)
    assert alone(share, 0.0, -1.0, usual=rare, medians=0.0) == (None, None)
    assert alone(share, rare, -1.0, usual=0.4) == (None, None)  # what is not known keeps nobody
    unresolved = dataclasses.replace(share, name="unresolved_share_365d", worse="higher")
    for value, reason in ((0.0, None), (0.2, None), (0.5, "50% later"), (1.0, "100% later")):
        assert alone(unresolved, value, 1.0, usual=rare, medians=0.5) == (reason, None)
    assert alone(unresolved, 0.0, 1.0, usual=rare, medians=0.0) == (None, None)
    assert alone(unresolved, 0.0, -1.0, usual=rare, medians=0.5) == (None, "0% later")
    tone = dataclasses.replace(share, name="complaint_sentiment_last", worse="lower", sentence="Tone {value:number}")
    assert alone(tone, -0.2, -1.0, usual=-0.6) == (None, None)  # less angry than others is angry all the same


def test_what_is_personal_is_not_said(cards):
    plan = dataclasses.replace(cards[-1], personal=True)
    size = dataclasses.replace(cards[3], name="household_size", theme=plan.theme, personal=True, worse=None)
    floor = dataclasses.replace(cards[3], name="floor", theme=plan.theme, sentence="On floor {value}", worse=None)
    told = [plan, size, floor]
    X = pd.DataFrame({"household_size": [5.0], "floor": [3.0]}, index=["c1"]).assign(plan=pd.Categorical(["01974"]))
    for sign in (1.0, -1.0):
        said = reasons(pushed(told, sign * 2, sign * 1.5, sign * 0.1), X, told, {}).loc["c1"]
        assert [each for each in said.dropna() if "floor" in each] == ["On floor 3 days"]  # the theme's next feature
        assert "01974" not in str(said.tolist()) and "Signed up 5" not in str(said.tolist())
    alone_said = reasons(pushed([plan], 2.0), X[["plan"]], [plan], {}).loc["c1"]
    assert alone_said["reason_1"].startswith("Nothing") and alone_said["theme_1"] is None


def test_one_length_of_text_is_told_once(cards):
    texts = {"unit": "characters", "sentence": "{value:count character} long"}
    complaints = dataclasses.replace(cards[2], name="voice_text_length_365d", worse=None, **texts)
    all_texts = dataclasses.replace(complaints, name="text_characters_365d", theme="unheard feedback")
    quiet, usual = cards[0], {"days_since_engagement": 10.0}
    told = [complaints, all_texts, quiet]

    def second(length, days=43.0):
        values = {"voice_text_length_365d": [43.0], "text_characters_365d": [length], "days_since_engagement": [days]}
        X = pd.DataFrame(values, index=["c1"])
        said = reasons(pushed(told, 1.0, 0.8, 0.3), X, told, usual).loc["c1"]
        return [said["reason_1"], said["reason_2"], said["reason_3"]]

    silence = "No sign of life for 43 days; usually 10 days."  # days are no characters
    assert second(43.4) == ["43 characters long", silence, None]
    assert second(60.0) == ["43 characters long", "60 characters long", silence]


def test_what_most_do_not_have_is_not_missed(cards):
    nobody = USUAL | {"open_cases": float("nan")}
    said = reasons(pushed(cards, 0, 0, 0.9, 0, 0), customer(open_cases=np.nan), cards, nobody).loc["c1"]
    assert said["reason_1"] == "Nothing in the history points to leaving more than is usual"
    said = reasons(pushed(cards, 0, 0, 0.9, 0, 0), customer(), cards, nobody).loc["c1"]
    assert said["reason_1"] == "1 open case."


def test_amounts_carry_the_currency(cards):
    spent = [
        dataclasses.replace(cards[0], name="amount_90d", unit="amount", sentence="Spent {value}[; typical is {usual}]")
    ]
    X = pd.DataFrame({"amount_90d": [12.5]}, index=["c1"])
    said = reasons(pushed(spent, 0.9), X, spent, {"amount_90d": 1040.0}, currency="EUR").loc["c1"]
    assert said["reason_1"] == "Spent €12.50; typical is €1,040"


def test_a_category_without_a_template_is_said_by_its_doc(cards):
    plain = [*cards[:-1], dataclasses.replace(cards[-1], sentence="Not a template.")]
    said = reasons(pushed(cards, 0, 0, 0, 0, 1), customer(), plain, USUAL).loc["c1"]
    assert said["reason_1"] == "The plan at sign-up: basic."


def test_a_customer_nothing_pushes_is_told_so(cards):
    said = reasons(pushed(cards, -1, -1, -1, 0, -1), customer(), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "Nothing in the history points to leaving more than is usual"
    assert said.drop(["reason_1", "keep_1"]).isna().all()


NAMED = ["theme_1", "theme_2", "theme_3"]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_real_contributions_fill_the_columns_of_the_scores(classifier, customers, cards, usual, n):
    said = reasons(attribute(classifier, customers), customers, cards, usual, n)
    assert list(said) == [*(f"reason_{rank + 1}" for rank in range(n)), *NAMED, "likely_reason", "keep_1"]
    assert said.index.equals(customers.index)
    if n == 5:
        told = keeps(attribute(classifier, customers), customers, cards, usual)
        assert said["keep_1"].equals(told["keep_1"]) and told["keep_1"].notna().mean() > 0.5
    themes = said[NAMED]
    assert all(row.dropna().is_unique for _, row in themes.iterrows())
    gaps = said.filter(like="reason_").isna().astype(int).diff(axis=1).iloc[:, 1:]
    assert (gaps >= 0).all(axis=None)  # no sentence after a gap
    assert not said.filter(like="reason_").apply(lambda column: column.str.contains("nan", na=False)).any(axis=None)


def test_in_chunks_the_same_sentences(classifier, customers, cards, usual):
    whole = reasons(attribute(classifier, customers), customers, cards, usual)
    pd.testing.assert_frame_equal(explain(Explainer(classifier), customers, cards, usual, chunk_rows=99), whole)
    assert explain(Explainer(classifier), customers.head(0), cards, usual).empty
