"""How the simulated customers behave against the numbers they were given: use, fading, contact, surveys, the launch.

Intervals are four standard errors wide on either side. Where rows of one customer hang together, the customers are
the sample.
"""

from __future__ import annotations

from math import exp, sqrt

import pandas as pd
import pytest

from churnml.datasets.simulator.service import AGENTS
from churnml.datasets.simulator.tables import VOCABULARIES

from .conftest import Company

NEVER_LEFT = "(SELECT customer_id FROM truth_customers ANTI JOIN truth_departures USING (customer_id))"
OLD = "(SELECT customer_id FROM customers WHERE signed_up_at < TIMESTAMP '2023-01-01')"
ASKED = "(FROM support ANTI JOIN complaints USING (ticket_id))"
"""Contacts that are not the tickets of complaints."""


def ratio(top: pd.Series, bottom: pd.Series) -> tuple[float, float]:
    """The ratio of two sums over customers, and its standard error (by the delta method)."""
    value = top.sum() / bottom.sum()
    rest = top - value * bottom
    return float(value), float(sqrt(len(rest) * rest.var()) / bottom.sum())


# ---- use -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["telecom", "shop", "software"])
def test_weekends_are_as_stated(companies: dict[str, Company], name: str) -> None:
    """Customers differ in their weekends by a log-normal factor of mean exp(0.35² / 2); found out if off by a fifth."""
    weekly = companies[name].frame("""
        SELECT customer_id, count(*) FILTER (dayofweek(started_at) IN (0, 6)) / 2 AS weekend,
               count(*) FILTER (dayofweek(started_at) NOT IN (0, 6)) / 5 AS weekdays
        FROM usage GROUP BY customer_id""")
    factor, error = ratio(weekly["weekend"], weekly["weekdays"])
    stated = companies[name].preset.weekend * exp(0.35**2 / 2)
    assert abs(factor - stated) < 4 * error < 0.1 * stated


def daily(company: Company, first: str, last: str) -> pd.Series:
    """Of each customer who was there from the beginning and never left: sessions a day between two dates."""
    (days,) = company.one(f"SELECT date_diff('day', DATE '{first}', DATE '{last}')")
    table = company.frame(f"""
        SELECT customer_id, count(*) FILTER (started_at BETWEEN DATE '{first}' AND DATE '{last}') / {days} AS rate
        FROM usage WHERE customer_id IN {OLD} AND customer_id IN {NEVER_LEFT} GROUP BY customer_id""")
    return table.set_index("customer_id")["rate"]


def test_use_swings_with_the_year(telecom: Company) -> None:
    """June against the January after it and the one before (from the tenth on).

    In June a price rise weighs on use as well, by some hundredths: the swing is found out if it is off by 0.06.
    """
    january = (daily(telecom, "2023-01-10", "2023-02-01") + daily(telecom, "2024-01-01", "2024-02-01")) / 2
    factor, error = ratio(daily(telecom, "2023-06-10", "2023-07-06"), january)
    season = telecom.preset.season
    swing = (1 - season) / (1 + 0.96 * season)
    assert swing - 0.11 < factor - 4 * error < factor + 4 * error < swing + 0.03


def test_the_shop_is_busiest_before_christmas(companies: dict[str, Company]) -> None:
    """The second week of December against September: found out if the peak is off by two thirds."""
    shop = companies["shop"]
    factor, error = ratio(daily(shop, "2023-12-06", "2023-12-14"), daily(shop, "2023-09-01", "2023-10-01"))
    height = shop.preset.peak * 0.98
    assert abs(factor - (1 + 0.93 * shop.preset.season + height) / (1 - 0.2 * shop.preset.season)) < 4 * error < 0.45


def test_sessions_done_offline_arrive_late(telecom: Company) -> None:
    """Sessions in the app only; found out if the share is off by 0.001."""
    share, app, other = telecom.one("""
        SELECT avg((received_at >= started_at + INTERVAL 1 DAY)::INT) FILTER (channel = 'app'),
               count(*) FILTER (channel = 'app'),
               count(*) FILTER (channel <> 'app' AND received_at >= started_at + INTERVAL 12 HOUR) FROM usage""")
    stated = telecom.preset.offline_share
    assert abs(share - stated) < 4 * sqrt(stated * (1 - stated) / app) + 2e-4 < 0.0015
    assert other == 0


# ---- on the way out ------------------------------------------------------------------------------------------------


def fading(company: Company, manner: str, until: str) -> tuple[float, float]:
    """Use in the two weeks before a day over use 61 to 120 days before it, both over what those who stay used then."""
    table = company.frame(f"""
        WITH used AS (SELECT customer_id, started_at::DATE AS day FROM usage),
        usual AS (SELECT day, 1.0 / count(*) AS weight FROM used
                  WHERE customer_id IN {OLD} AND customer_id IN {NEVER_LEFT} GROUP BY day),
        ends AS (SELECT customer_id, ({until})::DATE AS last FROM truth_departures LEFT JOIN
                   (SELECT customer_id, min(requested_at) AS requested_at FROM cancellations GROUP BY ALL)
                 USING (customer_id) WHERE manner = '{manner}')
        SELECT coalesce(sum(weight) FILTER (day >= last - 14), 0) / 14 AS late,
               coalesce(sum(weight) FILTER (day < last - 60), 0) / 60 AS early
        FROM ends JOIN customers USING (customer_id) JOIN used USING (customer_id) JOIN usual USING (day)
        WHERE last >= greatest(signed_up_at::DATE, DATE '2023-01-01') + 121 AND day < last AND day >= last - 120
        GROUP BY customer_id""")
    assert len(table) > 50
    return ratio(table["late"], table["early"])


def test_use_falls_before_people_leave_silently_and_not_before_they_leave_aloud(
    telecom: Company, outspoken: Company
) -> None:
    """The last two weeks of the silent; those who speak up use more than ever until they ask to cancel."""
    for company in (telecom, outspoken):
        silent, silent_error = fading(company, "silent", "left_on")
        assert silent + 4 * silent_error < 0.9
    vocal, vocal_error = fading(outspoken, "vocal", "requested_at")
    assert vocal - 4 * vocal_error > 1


def test_accounts_of_silent_leavers_are_closed_as_stated(telecom: Company) -> None:
    """The share found out if off by 0.08, the median delay if off by two days."""
    share, delay, left = telecom.one(f"""
        SELECT avg((closed_on IS NOT NULL)::INT), median(date_diff('day', left_on, closed_on)), count(*)
        FROM truth_departures WHERE manner = 'silent' AND decided_on < DATE '{telecom.made.end}' - 90""")
    closes = telecom.preset.closes
    assert abs(share - closes) < 4 * sqrt(closes * (1 - closes) / left) < 0.05
    assert delay == pytest.approx(telecom.preset.closes_after, abs=1.5)


# ---- asked and answered --------------------------------------------------------------------------------------------


def test_the_unhappy_answer_less_and_score_lower(telecom: Company) -> None:
    """The unhappiest third of those who were asked against the happiest third."""
    thirds = telecom.frame("""
        SELECT third, avg(answered) AS share, count(*) AS asked, avg(score) AS score FROM (
          SELECT ntile(3) OVER (ORDER BY satisfaction) AS third, (answered_at IS NOT NULL)::INT AS answered, score
          FROM surveys JOIN truth_hazards AS felt ON felt.customer_id = surveys.customer_id AND day = sent_at::DATE
          WHERE survey = 'quarterly') GROUP BY third ORDER BY third""")
    low, _, high = thirds["share"]
    error = (thirds["share"] * (1 - thirds["share"]) / thirds["asked"]).sum() ** 0.5
    assert low + 0.1 < high - 4 * error
    assert thirds["score"].iloc[0] + 1 < thirds["score"].iloc[2]
    assert 0.1 < thirds["share"].mean() < 0.4


def test_agents_come_and_go(telecom: Company) -> None:
    """One leaves and one comes every twenty days."""
    during = "count(DISTINCT agent_id) FILTER (opened_at >= DATE '{}' AND opened_at < DATE '{}' + 60)"
    first, last = during.format("2023-01-01", "2023-01-01"), during.format("2024-05-01", "2024-05-01")
    (early, late) = telecom.one(f"SELECT {first}, {last} FROM support")
    assert AGENTS <= early <= AGENTS + 3
    assert AGENTS <= late <= AGENTS + 4
    longest, gone = telecom.one("""
        SELECT max(date_diff('day', first, last)), count(*) FILTER (last < DATE '2024-05-01')
        FROM (SELECT min(opened_at) AS first, max(opened_at) AS last FROM support WHERE agent_id IS NOT NULL
              GROUP BY agent_id)""")
    assert longest <= AGENTS * 20
    assert gone > 15


# ---- dark matter and the launch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["telecom", "shop", "software"])
def test_dark_matter_never_contacts_service_before_the_launch(companies: dict[str, Company], name: str) -> None:
    """Their share is stated of those who would not complain anyway; found out if off by 0.08."""
    company = companies[name]
    share, silent = company.one("SELECT avg(dark_matter::INT), count(*) FROM truth_customers WHERE NOT speaks")
    stated = company.preset.dark_matter
    assert abs(share - stated) < 4 * sqrt(stated * (1 - stated) / silent) < 0.05
    assert company.one("SELECT count(*) FROM truth_customers WHERE dark_matter AND speaks") == (0,)
    launch = f"DATE '2023-01-01' + {company.preset.launch_day}"
    old, new, elsewhere = company.one(f"""
        SELECT count(*) FILTER (opened_at < {launch}), count(*) FILTER (opened_at >= {launch}),
               count(*) FILTER (channel <> '{VOCABULARIES[name].launched}' OR NOT adopts_new_channel)
        FROM support JOIN truth_customers USING (customer_id) WHERE dark_matter""")
    assert (old, elsewhere) == (0, 0)
    assert new > 0


def test_the_launch_displaces_contacts_of_adopters_and_of_nobody_else(telecom: Company) -> None:
    """Found out if the share is off by 0.06; nothing stands on the new channel before the launch."""
    launch = f"DATE '2023-01-01' + {telecom.preset.launch_day}"
    tickets = telecom.frame(f"""
        SELECT channel = '{VOCABULARIES["telecom"].launched}' AS moved, adopts_new_channel AS adopts,
               opened_at >= {launch} AS after
        FROM {ASKED} JOIN truth_customers USING (customer_id) WHERE NOT dark_matter""")
    assert not tickets.loc[~(tickets["after"] & tickets["adopts"]), "moved"].any()
    moved, stated = tickets.loc[tickets["after"] & tickets["adopts"], "moved"], telecom.preset.displaced
    assert abs(moved.mean() - stated) < 4 * sqrt(stated * (1 - stated) / len(moved)) < 0.05


def test_the_launch_takes_calls_away_from_the_old_channels(telecom: Company) -> None:
    """Of adopters, over customer-days, with the others as the yardstick; found out if displaced is off by a fifth."""
    launch = f"DATE '2023-01-01' + {telecom.preset.launch_day}"
    rates = telecom.frame(f"""
        WITH lived AS (SELECT customer_id, day >= {launch} AS after, count(*) AS days FROM truth_hazards GROUP BY ALL),
        asked AS (SELECT customer_id, opened_at >= {launch} AS after, count(*) AS asked FROM {ASKED}
                  WHERE channel <> '{VOCABULARIES["telecom"].launched}' GROUP BY ALL)
        SELECT adopts_new_channel AS adopts, after, sum(coalesce(asked, 0)) AS asked, sum(lived.days) AS days
        FROM lived LEFT JOIN asked USING (customer_id, after) JOIN truth_customers USING (customer_id)
        WHERE NOT dark_matter GROUP BY ALL""").set_index(["adopts", "after"])
    rate = rates["asked"] / rates["days"]
    left = rate[True, True] / rate[True, False] / (rate[False, True] / rate[False, False])
    # Counts of one customer hang together: twice the variance of Poisson counts.
    error = left * sqrt(2 * (1 / rates["asked"]).sum())
    assert abs(left - (1 - telecom.preset.displaced)) < 4 * error < 0.15


def test_the_launch_reveals_dark_matter(telecom: Company) -> None:
    """Adopters among them ask half as often as others ask questions; found out if off by a half."""
    launch = f"DATE '2023-01-01' + {telecom.preset.launch_day}"
    asked, lived = telecom.one(f"""
        SELECT (SELECT count(*) FROM support JOIN truth_customers USING (customer_id) WHERE dark_matter), count(*)
        FROM truth_hazards JOIN truth_customers USING (customer_id)
        WHERE dark_matter AND adopts_new_channel AND day >= {launch}""")
    most = telecom.preset.questions * telecom.preset.revealed * lived
    # Who is less engaged asks less: of what would be asked at full engagement, half to nearly all is.
    assert 0.5 * most < asked - 4 * sqrt(asked) < asked + 4 * sqrt(asked) < 1.1 * most
