"""What a run found out, as plain data that JSON keeps: tables and plot are made from it without measuring again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OURS = "pybpe"
UNITED = ("encodings", "absent")  # the conditions in which runs that are joined may differ
ADDED = ("packages", "texts")  # those to which each may add its own, but not differ in what both have


@dataclass(frozen=True)
class Result:
    """One line of the full tables: one row, on one text, with one encoding.

    row: a key of `rows.ROWS`.
    text: the text or input; "" where the row has none.
    encoding: the vocabulary; "" where the row has none.
    unit: of the values. "MB/s" and "tokens/s" are better when larger, all others when smaller.
    values: contender -> median. Empty where pybpe's own result was wrong: then nobody's figure is told.
    ratios: peer -> how many times as good as it pybpe was, the median of the ratios within a round.
    notes: what a reader must know, among it who was left out and why.
    """

    row: str
    text: str
    encoding: str
    unit: str
    values: dict[str, float]
    ratios: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def best_peer(self) -> str | None:
        """The peer that pybpe has the smallest lead over."""
        return min(self.ratios, key=self.ratios.__getitem__, default=None)


@dataclass(frozen=True)
class Report:
    """A whole run: where and with what it was measured, and the results in the order they were found."""

    conditions: dict[str, Any]
    results: list[Result]

    def of(self, row: str, **fields: str) -> list[Result]:
        """The results of a row that were right, those whose fields are as given."""
        found = [result for result in self.results if result.row == row and result.values]
        return [result for result in found if all(getattr(result, name) == value for name, value in fields.items())]

    @property
    def wrong(self) -> list[Result]:
        """Those in which pybpe's result was wrong."""
        return [result for result in self.results if not result.values]

    @classmethod
    def joined(cls, reports: list[Report]) -> Report:
        """Several runs under equal conditions, some rows or encodings in each, as one. ValueError if they differ."""
        first, results = reports[0].conditions, {}
        united = {name: list(dict.fromkeys(item for r in reports for item in r.conditions[name])) for name in UNITED}
        added = {
            name: {key: item for r in reports for key, item in r.conditions.get(name, {}).items()} for name in ADDED
        }
        for report in reports:
            for name, value in report.conditions.items():
                same = value.items() <= added[name].items() if name in ADDED else value == first[name]
                if name not in UNITED and not same:
                    raise ValueError(f"the runs differ in {name}: {first[name]} and {value}")
            results |= {(result.row, result.text, result.encoding): result for result in report.results}
        return cls(first | united | {name: value for name, value in added.items() if value}, list(results.values()))

    def write(self, path: Path) -> None:
        """Write as JSON, numbers to four digits."""
        content = {"conditions": self.conditions, "results": [asdict(result) for result in self.results]}
        path.write_text(json.dumps(_rounded(content), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read what `write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["conditions"], [Result(**result) for result in content["results"]])


def _rounded(value: Any) -> Any:
    """The same with every float to four significant digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
