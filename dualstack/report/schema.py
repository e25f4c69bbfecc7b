"""The published JSON Schema of report.json: `python -m dualstack.report.schema > docs/report.schema.json`."""

import json

from dualstack.report.model import Report


def schema() -> str:
    """The schema, as it is published."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Report.model_json_schema(
        by_alias=True, mode="serialization"
    )
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
