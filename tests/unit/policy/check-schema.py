#!/usr/bin/env python3
"""check-schema.py: profiles/profile.schema.json against the corpus of tests/data/profiles.

Accepted must be: the shipped profiles, the good ones, and the bad ones marked L (refused by the loader alone: names in
tables, relations between fields, duplicate keys). Refused must be: the bad ones marked S. Exit 77: no jsonschema here.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = ROOT / "tests/data/profiles"


def main():
    schema = json.loads((ROOT / "profiles/profile.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    wrong = 0
    counts = {"accepted": 0, "refused": 0}
    shipped = [path for path in (ROOT / "profiles").glob("*.json") if not path.name.endswith(".schema.json")]
    for path in sorted([*shipped, *(DATA / "good").glob("*.json"), *(DATA / "bad").glob("*.json")]):
        mark = path.with_suffix(".error").read_text().split("\n")[0] if path.parent.name == "bad" else ""
        errors = [error.message for error in validator.iter_errors(json.loads(path.read_text()))]
        counts["refused" if errors else "accepted"] += 1
        if bool(errors) != (mark == "S"):
            wrong += 1
            print(f"{path.relative_to(ROOT)}: {'refused: ' + errors[0] if errors else 'accepted, but marked S'}")
    print(f"{counts['accepted']} accepted, {counts['refused']} refused")
    return 1 if wrong or not all(counts.values()) else 0


sys.exit(main())
