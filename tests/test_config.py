from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churnml.config import Config, load_config, parse_config
from churnml.errors import ConfigError

GOOD = """
project: shop
sources:
  - path: sales.parquet
    customers: {customer_id: id, signed_up_at: since}
    events:
      - {kind: purchase, occurred_at: at, customer_id: id, channel: {value: web}}
      - {kind: {column: what, map: {C: complaint}}, occurred_at: at, customer_id: id}
eligible: {active_within_days: 28}
defection: {by: either, of: [purchase]}
snapshots: {every: 28 days, horizon_days: 42, first: 2013-02-01}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "shop.yaml")
    return list(caught.value.problems)


def test_a_good_file_gives_typed_frozen_settings() -> None:
    config = parse_config(GOOD)
    assert config.snapshots.every == 28
    assert config.snapshots.first == date(2013, 2, 1)
    with pytest.raises(ValueError, match="frozen"):
        config.project = "other"  # type: ignore[misc]


def test_all_problems_are_reported_at_once_in_the_files_order() -> None:
    found = problems(GOOD + "horizon: 3\nmodel: {seed: x, folds: 0}\nscoring: {high_risk: 0.1}\n")
    assert found == [
        "shop.yaml:12: horizon: unknown key",
        "shop.yaml:13: model.folds: input should be greater than or equal to 1, got 0",
        "shop.yaml:13: model.seed: input should be a valid integer, got 'x'",
        "shop.yaml:14: scoring: medium_risk is above high_risk",
    ]


def test_a_duplicate_key_is_named_with_both_lines() -> None:
    assert problems(GOOD + "project: again\n") == ["shop.yaml:12: project: duplicate key, first given on line 2"]


def test_aliases_are_refused() -> None:
    assert problems("a: &x 1\nb: *x\n") == [
        "shop.yaml:1: YAML anchors and aliases are not allowed; write the value out",
        "shop.yaml:2: YAML anchors and aliases are not allowed; write the value out",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("timezone: NO", "timezone 'NO' is not in the IANA database"),
        ("model: {test_from: 2013-02-31}", "day is out of range"),
        ("model: {seed: 012}", "valid integer, got '012'"),
        ("model: {seed: 12:30:45}", "valid integer, got '12:30:45'"),
        ("model: {seed: 1.0}", "valid integer"),
        ("model: {seed: true}", "valid integer, got True"),
        ("paths: {models: yes, published: 3}", "valid string, got 3"),
        ("snapshots: {horizon_days: -1}", "duplicate key"),
    ],
)
def test_values_mean_what_they_look_like(line: str, message: str) -> None:
    assert any(message in problem for problem in problems(GOOD + line + "\n"))


def test_yes_and_no_are_plain_words() -> None:
    assert parse_config(GOOD + "paths: {models: yes, published: no}\n").paths.models == "yes"


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "just words", "\t"])
def test_what_is_not_a_configuration_is_one_clear_line(text: str) -> None:
    (line,) = problems(text)
    assert line.startswith("shop.yaml:")


def test_a_source_has_one_origin_and_a_purpose() -> None:
    text = GOOD.replace("path: sales.parquet", "path: sales.parquet\n    query: SELECT 1")
    assert problems(text) == ["shop.yaml:4: sources[0]: give exactly one of path, query and table"]


def test_a_first_snapshot_after_the_last_is_refused() -> None:
    text = GOOD.replace("snapshots: {", "snapshots: {first: 2024-02-01, last: 2024-01-01, ")
    assert "snapshots: first, 2024-02-01, is after last, 2024-01-01" in problems(text)[0]


def test_a_time_zone_is_told_with_its_line() -> None:
    assert problems(GOOD + "timezone: CET+1\n") == [
        "shop.yaml:12: timezone: timezone 'CET+1' is not in the IANA database"
    ]


def test_an_undeclared_attribute_is_refused() -> None:
    text = GOOD.replace("signed_up_at: since}", "signed_up_at: since, attributes: {plan: plan}}")
    assert "attributes mapped but not declared under attributes: plan" in problems(text)[0]


@pytest.mark.parametrize("name", ["outcome", "as_of", "group_id", "tenure_days", "_status", "plan_right", "value"])
def test_an_attribute_cannot_have_the_name_of_another_column(name: str) -> None:
    text = GOOD.replace("signed_up_at: since}", f"signed_up_at: since, attributes: {{{name}: plan}}}}")
    found = problems(f"{text}attributes: {{{name}: {{type: category, sensitivity: none}}}}\n")
    assert any(f"attributes cannot be called {name}: columns of churnml's own" in line for line in found)


def test_a_missing_file_says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such configuration file; check the path"):
        load_config(tmp_path / "nowhere.yaml")


def test_the_digest_depends_on_the_settings_only(tmp_path: Path) -> None:
    def digest(text: str, name: str) -> str:
        file = tmp_path / name
        file.write_text(text)
        return load_config(file).digest()

    assert digest(GOOD, "a.yaml") == digest("# a comment\n" + GOOD, "b.yaml")
    assert digest(GOOD, "a.yaml") != digest(GOOD.replace("42", "43"), "c.yaml")


def test_products_can_go_elsewhere() -> None:
    config: Config = parse_config(GOOD).with_paths("m", "p")
    assert (config.paths.models, config.paths.published) == ("m", "p")


def test_settings_can_be_changed_and_are_checked_like_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    config = load_config(file)
    changed = config.changed(model={"formulation": "three_class", "tuning": {"trials": 3}})
    assert changed.model.formulation == "three_class" and changed.model.tuning.trials == 3
    assert changed.model.tuning.objective == config.model.tuning.objective and changed.file == config.file
    assert config.changed() == config and config.changed().digest() == config.digest()
    with pytest.raises(ConfigError) as raised:
        config.changed(model={"formulation": "deep", "seed": -1.5}, snapshot={})
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "model.formulation",
        "model.seed",
        "snapshot",
    ]


def test_actions_have_defaults_and_are_part_of_what_a_night_depends_on() -> None:
    config = parse_config(GOOD)
    acts = config.actions
    assert (acts.save_rate, acts.channels, acts.contacts_per_night, acts.budget_per_night) == (None, {}, None, None)
    assert (acts.control_share, acts.control_days, len(acts.fatigue)) == (0.1, 182, 1)
    rule = acts.fatigue[0]
    assert (rule.kinds, rule.days, rule.at_most) == (("treatment", "treatment_withheld"), 30, 1)
    assert config.economics.campaign.customer_value is None and config.economics.acquisition_cost is None
    assert config.changed(actions={"budget_per_night": 9.0}).digest() != config.digest()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("actions: {save_rate: 1.2}", "actions.save_rate: input should be less than or equal to 1, got 1.2"),
        ("actions: {channels: {app: -1}}", "actions.channels.app: input should be greater than or equal to 0, got -1"),
        ("actions: {channels: {In app: 1, in_app: 2}}", "actions.channels: channels named twice, as capitals and"),
        ("actions: {channels: {'--': 1}}", "actions.channels: a channel has no name"),
        ("actions: {contacts_per_night: -1}", "actions.contacts_per_night: input should be greater than or equal to 0"),
        ("actions: {budget_per_night: -0.5}", "actions.budget_per_night: input should be greater than or equal to 0"),
        ("actions: {control_share: 1.0}", "actions.control_share: input should be less than 1, got 1.0"),
        ("actions: {control_days: 0}", "actions.control_days: input should be greater than or equal to 1, got 0"),
        ("actions: {fatigue: [{kinds: []}]}", "actions.fatigue[0].kinds: "),
        (
            "actions: {fatigue: [{at_most: 0}]}",
            "actions.fatigue[0].at_most: input should be greater than or equal to 1",
        ),
        ("actions: {fatigue: [{weeks: 2}]}", "actions.fatigue[0].weeks: unknown key"),
        ("economics: {acquisition_cost: 0}", "economics.acquisition_cost: input should be greater than 0, got 0"),
        ("economics: {campaign: {customer_value: 0}}", "economics.campaign.customer_value: input should be greater"),
    ],
)
def test_faulty_actions_are_named_with_what_was_given(line: str, message: str) -> None:
    (found,) = problems(f"{GOOD}{line}\n")
    assert found.startswith(f"shop.yaml:12: {message}")
