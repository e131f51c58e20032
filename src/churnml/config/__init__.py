"""One YAML file describes one business: sources, definitions, features, model, scoring.

`load_config` reads the file strictly. An unknown key, a duplicate key, an alias or a wrong type is a
problem; every problem is reported at once, with file, line and key. The result is frozen.
"""

from churnml.config.acting import Actions, Fatigue, plain_channel
from churnml.config.business import (
    PERSONAS,
    Campaign,
    Channels,
    Defection,
    Economics,
    Eligible,
    Features,
    Persona,
    Snapshots,
    Voice,
)
from churnml.config.learning import Model, Rival, Tuning
from churnml.config.mapping import (
    FIRST_EVENT,
    Attribute,
    ColumnValue,
    Constant,
    CustomerMapping,
    Data,
    EventMapping,
    MappedColumn,
    Repair,
    Source,
)
from churnml.config.nightly import CsvSink, Gates, Monitor, PostgresSink, Scoring, Sinks
from churnml.config.values import BelowRoot, Days, PositiveDays, Settings, Share
from churnml.config.whole import Config, Engine, Paths, load_config, parse_config

__all__ = [
    "FIRST_EVENT",
    "PERSONAS",
    "Actions",
    "Attribute",
    "BelowRoot",
    "Campaign",
    "Channels",
    "ColumnValue",
    "Config",
    "Constant",
    "CsvSink",
    "CustomerMapping",
    "Data",
    "Days",
    "Defection",
    "Economics",
    "Eligible",
    "Engine",
    "EventMapping",
    "Fatigue",
    "Features",
    "Gates",
    "MappedColumn",
    "Model",
    "Monitor",
    "Paths",
    "Persona",
    "PositiveDays",
    "PostgresSink",
    "Repair",
    "Rival",
    "Scoring",
    "Settings",
    "Share",
    "Sinks",
    "Snapshots",
    "Source",
    "Tuning",
    "Voice",
    "load_config",
    "parse_config",
    "plain_channel",
]
