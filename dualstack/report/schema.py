"""The JSON Schema of report.json, published as docs/report.schema.json."""

import json

from dualstack.report.model import Report


def schema() -> str:
    """The schema, as it is published."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Report.model_json_schema(
        by_alias=True, mode="serialization"
    )
    return json.dumps(document, indent=2) + "\n"
