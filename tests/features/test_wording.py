"""Text as numbers: tone, topics, what is learnt, what needs no language, and what never leaves."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from churnml.datasets.simulator.words import TOPICS as SIMULATED
from churnml.datasets.simulator.words import WORDS, complaint_texts, post_texts
from churnml.features.fitted import Fitted, Gathering, Material, columns, fit
from churnml.features.registry import Context, Inventory, declare
from churnml.features.wording import CUSTOMERS, read

TEXTS = declare(
    Context(), Inventory(dict.fromkeys(("complaint", "review"), frozenset({"text", "rating"}))), ("text",)
).features
(FITTED,) = {feature.fitted for feature in TEXTS}
assert isinstance(FITTED, Fitted)


def material(wrote: list[tuple[str, str] | tuple[str, str, int, int, float]], customers: int = 0) -> Material:
    """Rows for customers c0000...; `wrote` has customer, text, and perhaps age, whether a review, rating."""
    table = pd.DataFrame(
        [(*entry, 5, 0, np.nan)[: len(entry)] + (5, 0, np.nan)[len(entry) - 2 :] for entry in wrote],
        columns=["customer_id", "text", "age_days", "is_review", "rating"],
    )
    ids = sorted({*table["customer_id"], *(f"c{n:04}" for n in range(customers))})
    gathering = Gathering([FITTED])
    keys = pd.DataFrame({"customer_id": ids, "as_of": pd.Timestamp("2024-06-01")})
    gathering.add(keys, pd.DataFrame(index=keys.index), {FITTED.name: table})
    return gathering.material()


def frame(rows: Material, state: dict) -> pd.DataFrame:
    return pd.DataFrame(columns(TEXTS, state, rows))


@pytest.fixture(scope="module", params=sorted(WORDS))
def simulated(request: pytest.FixtureRequest) -> tuple[Material, np.ndarray]:
    """Complaints about six topics, and their topics."""
    topic = np.arange(600) % len(SIMULATED)
    texts = complaint_texts(WORDS[request.param], topic, np.random.default_rng(0))
    return material([(f"c{n:04}", text) for n, text in enumerate(texts)]), topic


STATE = fit(TEXTS, material([("c1", "The app is slow and this is not good.")]))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("I am happy with this.", "I am not happy with this."),
        ("This is great, thank you!", "This is good."),
        ("It is slow.", "It is slow and the staff were rude."),
        ("There are no problems.", "There are problems."),
        ("It was a delay.", "This is the worst company and a scam."),
        ("I don’t hate it.", "I hate it."),
    ],
)
def test_a_better_tone_is_a_higher_number(better: str, worse: str) -> None:
    tone = frame(material([("a", better), ("b", worse)]), STATE)["complaint_sentiment_365d"]
    assert 1 > tone[0] > tone[1] > -1


def test_tone_of_complaints_and_reviews_apart_and_the_latest() -> None:
    rows = material(
        [("a", "This is bad.", 30, 0, np.nan), ("a", "This is good.", 2, 0, np.nan), ("a", "This is great.", 9, 1, 1.0)]
    )
    made = frame(rows, STATE).iloc[0]
    assert made["complaint_sentiment_last"] > 0.3 > made["complaint_sentiment_365d"]
    assert made["review_sentiment_365d"] == made["review_sentiment_last"] > made["complaint_sentiment_last"]
    assert made["texts_365d"] == 3


def test_topics_are_told_apart(simulated: tuple[Material, np.ndarray]) -> None:
    rows, topic = simulated
    made = frame(rows, fit(TEXTS, rows))
    for simulated_topic, ours in (("billing", "billing"), ("price", "price"), ("app", "technical")):
        share = made[f"text_about_{ours}_365d"]
        here = topic == SIMULATED.index(simulated_topic)
        assert share[here].mean() > 2 * share[~here].mean(), ours
    about = made.filter(like="text_about_").sum(axis=1)
    assert about.between(-1e-9, 1 + 1e-9).all()


def test_words_join_a_topic_by_the_company_they_keep() -> None:
    wrote = [(f"c{n}", "There is a surcharge on my bill and it is not right.") for n in range(30)]
    wrote += [(f"d{n}", "The app is what I use and there is nothing to say.") for n in range(30)]
    topics = fit(TEXTS, material(wrote))["text"]["topics"]
    assert topics["billing"]["surcharge"] == 0.5 and "surcharge" not in topics["technical"]
    assert "the" not in topics["billing"] and "there" not in topics["billing"]


def test_ratings_teach_what_words_feel_like() -> None:
    wrote = [(f"g{n}", "The bingbong is what I have.", 5, 1, 0.9) for n in range(80)]
    wrote += [(f"b{n}", "The dingdong is what I have.", 5, 1, 0.1) for n in range(80)]
    state = fit(TEXTS, material(wrote))
    feeling = state["text"]["sentiment"]
    assert feeling["bingbong"] > 1 and feeling["dingdong"] < -1 and abs(feeling["is"]) < 1e-6
    tone = frame(material([("a", "It is a bingbong."), ("b", "It is a dingdong.")]), state)["complaint_sentiment_365d"]
    assert tone[0] > 0 > tone[1]


def test_only_words_of_many_customers_are_kept() -> None:
    many = [(f"c{n}", "The surcharge on the bill is not what I have.") for n in range(CUSTOMERS)]
    few = [(f"d{n}", "Our son Archibald has a bill and it is wrong.") for n in range(CUSTOMERS - 1)]
    often = [("e", f"The bill for Zebediah is wrong, number {'x' * n}.") for n in range(1, 80)]
    rated = [(who, text, 5, 1, n % 3 / 2) for n, (who, text) in enumerate([*many, *few, *often])]
    kept = json.dumps(fit(TEXTS, material(rated)))
    assert "surcharge" in kept
    for word in ("archibald", "zebediah", "xxxx"):
        assert word not in kept.lower()


def test_another_language_leaves_what_needs_no_language_and_says_so() -> None:
    german = material([("a", "Das ist SCHLECHT! Seit Wochen, seit Wochen warte ich auf mein Paket!"), ("b", "Warum?")])
    state = fit(TEXTS, german)
    assert state["text"]["remark"] == (
        "100% of 2 texts are not English: no words are read, only signals that need no language"
    )
    made = frame(german, state)
    assert made.filter(regex="sentiment|about").isna().all(axis=None)
    assert made["text_exclamations_365d"].tolist() == [2, 0] and made["text_questions_365d"].tolist() == [0, 1]
    assert made["text_capitals_share_365d"].tolist() == pytest.approx([1 / 12, 0])
    assert made["text_repeated_share_365d"].tolist() == pytest.approx([2 / 12, 0])
    assert made["text_characters_365d"].tolist() == [
        len("Das ist SCHLECHT! Seit Wochen, seit Wochen warte ich auf mein Paket!"),
        6,
    ]


def test_a_few_texts_in_another_language_are_not_judged() -> None:
    english = [(f"c{n}", "This is what I have and it is not good.") for n in range(9)]
    rows = material([*english, ("d", "Je ne suis pas content du service")])
    state = fit(TEXTS, rows)
    assert state["text"]["remark"].startswith("10% of 10 texts are not English")
    assert frame(rows, state)["complaint_sentiment_365d"].isna().tolist() == [False] * 9 + [True]


@pytest.mark.parametrize(
    "text",
    [
        "Das Paket war in der Stadt und ich will es haben, so ist es am Ende doch gut",
        "Je ne suis pas content du service, on attend toujours une réponse",
        "No estoy contento con el servicio, es muy lento y nadie me contesta",
        "Non sono contento, la consegna è in ritardo e nessuno mi risponde",
        "Ik ben niet tevreden, de app werkt niet en niemand geeft antwoord",
        "非常不好",
    ],
)
def test_english_is_told_from_others(text: str) -> None:
    assert not read([text]).english[0]


def test_the_simulated_texts_are_english(simulated: tuple[Material, np.ndarray]) -> None:
    stars = np.arange(200) % 5 + 1
    posts = [text for words in WORDS.values() for text in post_texts(words, stars, stars < 3, np.random.default_rng(0))]
    assert read(posts).english.mean() > 0.9
    assert simulated[0].readings["text"].english.mean() > 0.95


def test_nobody_wrote_anything() -> None:
    rows = material([], customers=3)
    state = fit(TEXTS, rows)
    assert state["text"]["remark"].startswith("nobody has written anything")
    made = frame(rows, state)
    assert made["texts_365d"].tolist() == [0, 0, 0]
    assert made.drop(columns="texts_365d").isna().all(axis=None)


def test_odd_texts_do_no_harm() -> None:
    odd = ["", " ", "\x00", "!?" * 50, "a" * 100_000, "😀 😀", "it's 'quoted' don''t", "ß" * 40]
    rows = material([(f"c{n:04}", text) for n, text in enumerate(odd)])
    made = frame(rows, fit(TEXTS, rows))
    assert len(made) == len(odd) and not np.isinf(made.to_numpy()).any()
    assert read(odd).terms.dtype.itemsize < 200
