"""GitHub's published description, as a judge of requests and of answers that are made up."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import ValidationError
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from github_side.emulator import PACKAGES

_FILE = PACKAGES / "@octokit" / "openapi" / "generated" / "api.github.com.json"
_ROOT = "urn:github"


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    verb: str
    template: str
    data: Mapping[str, Any]


@functools.cache
def description() -> Description:
    """13 MB, read once in a process."""
    return Description(json.loads(_FILE.read_bytes()))


class Description:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._registry: Registry[Any] = Registry().with_resource(_ROOT, DRAFT4.create_resource(document))
        self._validators: dict[str, OAS30Validator] = {}
        self._templates = [
            (re.compile("/".join("[^/]+" if "{" in part else re.escape(part) for part in path.split("/"))), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]

    def example(self, name: str) -> Any:
        """A copy of a published one."""
        return copy.deepcopy(self._document["components"]["examples"][name]["value"])

    def operation(self, verb: str, path: str) -> Operation | None:
        """`path` as it was sent. A ref's slashes count as part of it, as GitHub has it."""
        for pattern, template in self._templates:
            if pattern.fullmatch(_ref_as_one(path)) and verb.lower() in self._document["paths"][template]:
                data = self._document["paths"][template][verb.lower()]
                return Operation(data["operationId"], verb, template, data)
        return None

    def faults_of_request(self, verb: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
        operation = self.operation(verb, path)
        if operation is None:
            return [f"{verb} {path} is not described"]
        faults = [*self._query_faults(operation, query)]
        described = operation.data.get("requestBody")
        if described is None:
            return faults + (["a body where none is described"] if body is not None else [])
        if body is None:
            return faults + (["no body"] if described.get("required") else [])
        where = (*_steps(operation), "requestBody", "content", "application/json", "schema")
        return [*faults, *self._breaches(where, body), *self._unknown(self._at(where), body, "body")]

    def faults_of_answer(self, verb: str, path: str, status: int, body: Any) -> list[str]:
        operation = self.operation(verb, path)
        if operation is None:
            return [f"{verb} {path} is not described"]
        described = operation.data["responses"].get(str(status))
        if described is None:
            # Errors that any request may meet are not described for each.
            return [] if status in {401, 403, 404, 422, 429} else [f"{operation.id} never answers {status}"]
        steps = (*_steps(operation), "responses", str(status))
        if "$ref" in described:
            steps = tuple(described["$ref"].removeprefix("#/").split("/"))
        content = self._at(steps).get("content", {})
        if "application/json" not in content:
            return [] if body is None else [f"{operation.id} answers {status} without a body"]
        return self._breaches((*steps, "content", "application/json", "schema"), body)

    def _query_faults(self, operation: Operation, query: Mapping[str, str]) -> Iterator[str]:
        described = {}
        for given in operation.data.get("parameters", []):
            parameter = self._resolved(given)
            if parameter["in"] == "query":
                described[parameter["name"]] = parameter
        for name, value in query.items():
            if name not in described:
                yield f"query {name!r} is not described"
            elif not self._fits(described[name]["schema"], value):
                yield f"query {name}={value!r} does not fit"
        yield from (
            f"no query {name!r}" for name, one in described.items() if one.get("required") and name not in query
        )

    def _fits(self, schema: Mapping[str, Any], value: str) -> bool:
        readings: list[Any] = [value]
        if re.fullmatch(r"-?\d+", value):
            readings.append(int(value))
        if value in {"true", "false"}:
            readings.append(value == "true")
        validator = OAS30Validator({**schema}, registry=self._registry)
        return any(validator.is_valid(reading) for reading in readings)

    def _breaches(self, where: tuple[str, ...], value: Any) -> list[str]:
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in where)
        if pointer not in self._validators:
            self._validators[pointer] = OAS30Validator({"$ref": f"{_ROOT}#/{pointer}"}, registry=self._registry)
        errors = (
            error for error in self._validators[pointer].iter_errors(value) if not _null_in_a_nullable_enum(error)
        )
        return [f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}" for error in errors]

    def _unknown(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        """Keys that no reading of the schema knows. GitHub drops them without a word, and so would a validator."""
        readings = list(self._readings(schema))
        if isinstance(value, list):
            items = [reading["items"] for reading in readings if "items" in reading]
            for index, item in enumerate(value):
                yield from self._unknown({"anyOf": items}, item, f"{where}[{index}]")
        if isinstance(value, dict):
            known: dict[str, list[Any]] = {}
            for reading in readings:
                for name, inner in reading.get("properties", {}).items():
                    known.setdefault(name, []).append(inner)
            free = not known or any(isinstance(one.get("additionalProperties"), dict) for one in readings)
            for name, item in value.items():
                if name in known:
                    yield from self._unknown({"anyOf": known[name]}, item, f"{where}.{name}")
                elif not free:
                    yield f"{where}.{name} is not described"

    def _readings(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        schema = self._resolved(schema)
        yield schema
        for key in ("oneOf", "anyOf", "allOf"):
            for branch in schema.get(key, []):
                yield from self._readings(branch)

    def _resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in value:
            value = self._at(tuple(value["$ref"].removeprefix("#/").split("/")))
        return value

    def _at(self, steps: tuple[str, ...]) -> Any:
        found: Any = self._document
        for step in steps:
            found = found[step]
        return found


def _null_in_a_nullable_enum(error: ValidationError) -> bool:
    """The description says `nullable` of a queued job's conclusion, and leaves null out of its enum."""
    return error.validator == "enum" and error.instance is None and error.schema.get("nullable") is True


def _steps(operation: Operation) -> tuple[str, ...]:
    return ("paths", operation.template, operation.verb.lower())


def _ref_as_one(path: str) -> str:
    for start in ("/git/ref/", "/git/refs/", "/git/matching-refs/"):
        head, found, tail = path.partition(start)
        if found:
            return head + found + (tail.replace("/", "%2F") or "%2F")
    return path
