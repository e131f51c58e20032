"""Words of customers: few, redacted, and nobody's own."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.insights.quotes import CUSTOMERS, MASK, choose, plain, redacted

SAID = "the bill was wrong and nobody called me back"


def wrote(texts: dict[str, str] | list[str], channel: object = "email") -> pd.DataFrame:
    people = texts if isinstance(texts, dict) else {f"c{place}": text for place, text in enumerate(texts)}
    return pd.DataFrame(
        {"customer_id": list(people), "kind": "complaint", "channel": channel, "text": list(people.values())}
    )


def test_what_many_write_is_shown_and_what_few_write_is_masked():
    texts = [f"{SAID.capitalize()}, {name}!" for name in ["Ann"] * (CUSTOMERS + 5)]
    found = choose(wrote(texts))
    assert found.quotes["words"].tolist() == [f"The bill was wrong and nobody called me back, {MASK}"]
    assert found.quotes["topic"].item() == found.topics["topic"].iloc[0] == "billing"
    assert (found.texts, found.customers, found.why) == (CUSTOMERS + 5, CUSTOMERS + 5, "")


def test_what_one_customer_writes_often_is_not_shown():
    found = choose(wrote([SAID] * 200).assign(customer_id="c1"))
    assert found.quotes.empty and f"at least {CUSTOMERS} customers" in found.why


@pytest.mark.parametrize(
    "secret",
    [
        *("Lee", "ann@example.org", "+44", "20:30", "A-17b", "www.example.org", "https://example.org", "@ann_lee"),
        *("=HYPERLINK(1)", "<script>alert(1)</script>", "{{ 7 * 7 }}", "c:\\ann", "Ann/Lee", "wrong4ever"),
    ],
)
def test_names_numbers_links_and_code_never_come_through(secret):
    shown = redacted(f"the bill was wrong {secret} and nobody called", set(f"{SAID} {secret.lower()}".split()))
    assert shown == f"the bill was wrong {MASK} and nobody called"


def test_marks_that_steer_how_text_is_shown_are_gone():
    assert plain("wrong\u202e bill\u200b\u2066 \x00\x1b[31m now\u2028then") == "wrong bill [31m now then"
    assert redacted(plain("the bi\u00adll was \u202ewrong"), set(SAID.split())) == "the bill was wrong"


def test_a_long_text_is_cut_and_a_masked_one_is_not_shown():
    many = " ".join([SAID] * 6)
    assert len(redacted(many, set(SAID.split())).split()) == 31
    rare = [f"bill {'x' * (2 + place)} {'y' * (2 + place)} {'z' * (2 + place)}" for place in range(3 * CUSTOMERS)]
    assert choose(wrote(rare)).quotes.empty


def test_each_quote_is_about_another_matter_and_the_order_of_rows_changes_nothing():
    other = "the delivery was late and nobody said a word to me"
    texts = wrote([SAID] * CUSTOMERS + [other] * 2 * CUSTOMERS, channel=["forum", None] * (3 * CUSTOMERS // 2))
    found = choose(texts, ["forum"])
    assert found.quotes["words"].tolist()[:2] == [other, SAID] or set(found.quotes["words"]) == {other, SAID}
    assert found.quotes["words"].is_unique and found.topics["share"].is_monotonic_decreasing
    again = choose(texts.sample(frac=1, random_state=3), ["forum"])
    pd.testing.assert_frame_equal(again.quotes, found.quotes)
    assert set(found.quotes["heard"]) <= {True, False}


def test_without_texts_it_says_why():
    assert "nobody has written" in choose(wrote([])).why
