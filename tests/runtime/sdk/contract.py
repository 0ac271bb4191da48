"""Tests the operator's API of a running gate against the description that it serves, with Schemathesis.

    contract.py BASE_URL TOKEN KNOWN

KNOWN is JSON: the line, a cursor, customers that are there, customers that may be erased, ids of messages, a dead letter,
a time to come, a policy and a webhook.

Invariant: status 0 only where no check failed and every operation succeeded at least once; what fails is told in the
tool's own words, with the request to repeat it. The document is the served one; only examples are added, so that what
is generated also meets what there is. Each request comes from an address of its own, because a few wrong tokens lock
one out, and sending wrong ones is what a tester does.

Deliberately not here: the WebSocket of /live beyond its refusals, and series of requests (Schemathesis' stateful
phase): the tests in Rust know better what leads to what.
"""

import itertools
import json
import sys
from collections import Counter

import requests
import schemathesis
from schemathesis.cli import schemathesis as command
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
EXAMPLES_MAX = 12
# A WebSocket is not opened by a plain request.
NEVER_SUCCEEDS = {"GET /live"}

base_url, token, known = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
answered = Counter()
operations = set()


def send_from_elsewhere(send):
    """Every request gets an address that no other has, those too that the tool's checks make by themselves."""
    numbers = itertools.count()

    def sent(session, request, **more):
        number = next(numbers)
        request.headers["cf-connecting-ip"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return send(session, request, **more)

    return sent


requests.Session.send = send_from_elsewhere(requests.Session.send)


def examples_of(operation_id):
    """What the parameters may be, by name."""
    customers = known["erasable"][:1] if operation_id == "erase" else known["customers"]
    named = {"line": [known["line"]], "customer": customers, "wamid": known["messages"]}
    return {**named, "q": ["555", "ñ"], "cursor": [known["cursor"]]}


BODIES = {
    "signIn": [{"token": token}],
    "pause": [{"until_ms": known["later_ms"]}],
    "replay": [
        {"line": known["line"], **known["dead_letter"]},
        {"line": known["line"], "since_ms": 0},
        {"line": known["line"], "all": True},
    ],
    "putPolicy": [
        {"document": known["policy"]},
        {"document": known["policy"], "note": "of the contract's test"},
        {"document": {"lease_seconds": "long"}},
        {"document": {}, "base_version": 0},
    ],
    "checkPolicy": [{"document": known["policy"]}, {"document": {"lease_seconds": "long", "rules": [{}]}}],
    "rollback": [{"version": 1}],
    "testRules": [
        {"delivery": known["delivery"]},
        {"delivery": known["delivery"], "document": known["policy"], "holder": "human", "at_ms": known["later_ms"]},
        {"delivery": known["delivery"], "document": {"lease_seconds": "long"}},
    ],
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for path, methods in raw_schema["paths"].items():
        for method, operation in methods.items():
            operations.add(f"{method.upper()} {path}")
            named = examples_of(operation["operationId"])
            for parameter in operation.get("parameters", []):
                values = named.get(parameter["name"], [])
                if values:
                    parameter["examples"] = {str(number): {"value": value} for number, value in enumerate(values)}
            bodies = BODIES.get(operation["operationId"], [])
            for media in operation.get("requestBody", {}).get("content", {}).values():
                media["examples"] = {str(number): {"value": value} for number, value in enumerate(bodies)}


turn = itertools.count()


@schemathesis.hook
def map_case(context, case):
    """Half of what is generated about a conversation or a message is about one that is there."""
    if case.meta is None or case.meta.is_negative_at(ParameterLocation.PATH) or not case.path_parameters:
        return case
    number = next(turn)
    if number % 2 == 0:
        return case
    named = examples_of(case.operation.definition.raw["operationId"])
    if case.operation.definition.raw["operationId"] == "erase":
        named["customer"] = known["erasable"]
    for name in case.path_parameters:
        values = named.get(name, [])
        if values:
            case.path_parameters[name] = values[number // 2 % len(values)]
    return case


def holds_fraction(value):
    """Whether a number in it is written with a fraction, which the description rules out and JSON Schema cannot."""
    if isinstance(value, dict):
        return any(map(holds_fraction, value.values()))
    return any(map(holds_fraction, value)) if isinstance(value, list) else isinstance(value, float)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """What no schema can say, and the description says in words, is no failure."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    operation = case.operation.definition.raw
    if response.status_code == 422 and "422" in operation["responses"]:
        return False
    if operation["operationId"] == "live" and response.status_code in (400, 426):
        return False
    is_made_up = "cursor" in (case.query or {}) and "`cursor`" in response.json()["detail"]
    return not (response.status_code == 400 and (is_made_up or holds_fraction(case.body)))


@schemathesis.hook
def after_call(context, case, response):
    answered[f"{case.operation.method.upper()} {case.operation.path}", response.status_code] += 1


def main():
    arguments = ["run", f"{base_url}/api/v1/openapi.json", "--url", f"{base_url}/api/v1"]
    arguments += ["--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)]
    arguments += ["--phases", "examples,coverage,fuzzing", "--mode", "all", "--max-examples", str(EXAMPLES_MAX)]
    arguments += ["--seed", "1", "--generation-deterministic", "--no-shrink"]
    arguments += ["--workers", "1", "--request-timeout", "20", "--continue-on-failure", "--no-color", "--warnings", "off"]
    # A customer's number in a report is one that the test has made up.
    arguments += ["--output-sanitize", "false", "--suppress-health-check", "all"]
    try:
        status = command(arguments, standalone_mode=False) or 0
    except SystemExit as exit:
        status = exit.code or 0
    succeeded = {operation for operation, status in answered if status < 300}
    for operation in sorted(operations):
        counts = sorted((code, count) for (name, code), count in answered.items() if name == operation)
        print(f"{operation}: " + ", ".join(f"{code} × {count}" for code, count in counts))
    missing = operations - succeeded - NEVER_SUCCEEDS
    if missing:
        print("never succeeded: " + ", ".join(sorted(missing)))
    print(f"{len(operations)} operations, {sum(answered.values())} requests")
    return 1 if status or missing else 0


if __name__ == "__main__":
    sys.exit(main())
