"""Reading a file of declarations strictly: every key known, every key there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import yaml

from loyaltylab.errors import ParameterError


def read_declaration(name: str) -> bytes:
    """The bytes of a file of declarations that comes with the package."""
    return resources.files("loyaltylab.findings").joinpath(name).read_bytes()


def parse_declaration(content: bytes, *, name: str) -> dict[str, Any]:
    """The mapping that a file of declarations holds; a key said twice is an error.

    Raises
    ------
    ParameterError
        If it is no mapping, or a key stands there twice.
    """
    parsed = yaml.load(content, Loader=_StrictLoader)
    if not isinstance(parsed, dict):
        raise ParameterError(f"{name} must hold a mapping of names to entries.")
    return parsed


def find_key_problems(where: str, entry: object, keys: Iterable[str]) -> list[str]:
    """Say which keys of an entry are unknown or missing."""
    if not isinstance(entry, Mapping):
        return [f"{where} is {entry!r}; rule: an entry has keys; fix: write {', '.join(keys)}"]
    expected = set(keys)
    problems = [
        f"{where} has the unknown key {key!r}; rule: one of {', '.join(sorted(expected))}"
        for key in entry
        if key not in expected
    ]
    problems += [
        f"{where} lacks {key}; fix: write it, empty if there is nothing to say"
        for key in sorted(expected - set(entry))
    ]
    return problems


def find_unknown(where: str, names: Iterable[str], known: Iterable[str], what: str) -> list[str]:
    """Say which names are not among those known."""
    listed = set(known)
    return [
        f"{where} names {what} {name!r}, which does not exist"
        for name in names
        if name not in listed
    ]


class _StrictLoader(yaml.SafeLoader):
    """A loader that refuses a key said twice, where YAML's own keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise ParameterError(
                f"{', '.join(twice)} is declared twice at line {node.start_mark.line + 1}."
            )
        return super().construct_mapping(node, deep=deep)
