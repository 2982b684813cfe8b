"""Writes tests/data/pulumi_cloud_api.json: the operations of Pulumi Cloud's published OpenAPI document
that the stand-in supports, in a compact notation, without the document's descriptions.

    python3 tests/upstream/pulumi-cloud-api/record.py OPENAPI_DOCUMENT > tests/data/pulumi_cloud_api.json

Each operation has a method, a path, query parameters, and the types of the body and of the answers by
content type. A type is `text`, `integer`, `boolean`, `object`, `any`, `instant`, `schema` (JSON Schema),
`content` (any JSON whose items are values), the name of a type, `[T]`, `{T}` (a map) or `a|b` (one of
these words). An object type has fields by name, with `?` after the name of an optional field.
"""

import json
import sys

# The stand-in's names of the operations.
ENVIRONMENT = "/api/esc/environments/{orgName}/{projectName}/{envName}"
ORGANIZATION = "/api/esc/environments/{orgName}"
STACK = "/api/stacks/{orgName}/{projectName}/{stackName}"
NAMES = {
    "GET /api/user": "current user",
    "GET /api/user/organizations/default": "default organization",
    "POST /api/oauth/token": "token",
    "GET /api/esc/providers": "list providers",
    "GET /api/esc/providers/{providerName}/schema": "provider schema",
    "GET /api/esc/environments": "list all environments",
    f"GET {ORGANIZATION}": "list environments",
    f"POST {ORGANIZATION}": "create environment",
    f"POST {ORGANIZATION}/yaml/check": "check yaml",
    f"POST {ORGANIZATION}/yaml/open": "open yaml",
    f"GET {ORGANIZATION}/yaml/open/{{openSessionID}}": "read yaml session",
    f"GET {ENVIRONMENT}": "read definition",
    f"HEAD {ENVIRONMENT}": "head definition",
    f"PATCH {ENVIRONMENT}": "update environment",
    f"DELETE {ENVIRONMENT}": "delete environment",
    f"POST {ENVIRONMENT}/check": "check",
    f"GET {ENVIRONMENT}/decrypt": "decrypt definition",
    f"POST {ENVIRONMENT}/decrypt-secrets": "decrypt secrets",
    f"GET {ENVIRONMENT}/metadata": "metadata",
    f"POST {ENVIRONMENT}/open": "open",
    f"POST {ENVIRONMENT}/open/request": "request open",
    f"GET {ENVIRONMENT}/open/{{openSessionID}}": "read session",
    f"GET {ENVIRONMENT}/versions": "list revisions",
    f"GET {ENVIRONMENT}/versions/tags": "list revision tags",
    f"POST {ENVIRONMENT}/versions/tags": "create revision tag",
    f"GET {ENVIRONMENT}/versions/tags/{{tagName}}": "read revision tag",
    f"PATCH {ENVIRONMENT}/versions/tags/{{tagName}}": "update revision tag",
    f"DELETE {ENVIRONMENT}/versions/tags/{{tagName}}": "delete revision tag",
    f"GET {ENVIRONMENT}/versions/{{version}}": "read revision",
    f"POST {ENVIRONMENT}/versions/{{version}}/check": "check revision",
    f"GET {ENVIRONMENT}/versions/{{version}}/decrypt": "decrypt revision",
    f"POST {ENVIRONMENT}/versions/{{version}}/open": "open revision",
    f"GET {STACK}/export": "export stack",
}
DEVIATIONS = [
    "Value.value, Expr.literal and a schema's const, default, enum and examples are `object` in the"
    " document; its own words say that they may be anything.",
    "A schema may be true or false, needs no `type`, writes `$ref` and `$defs` so, has numbers for"
    " its limits and true or false for rotateOnly: the evaluator's JSON.",
    "The document names no body for `open yaml` and `check yaml`: a definition. The original CLI"
    " sends definitions as application/json, the SDK as application/x-yaml.",
    "`open yaml` takes environmentOverrides, which the original CLI knows.",
    "`token` takes a form too, which the original CLI sends; `scope` is left out where it is empty.",
    "No default organization is a 404 for the original CLI and a 400 in the document.",
    "`encrypt secrets`, `decrypt stack secret` and `decrypt stack secrets` are not in the document at"
    " hand; the latter two are what the Pulumi CLI 3.274.1 calls. Bytes are base64, as in Go's JSON.",
    "Every request but `token` has to say what it accepts: the documentation asks for it, the"
    " document does not; the original CLI leaves it out for `token`.",
    "Names follow the patterns of the SDK's description; the document has none.",
    "A GET for a path with empty parts is redirected to the path without them: the SDK (0.14.0) sends"
    " one when it reads a property.",
    "A session's environment or value is `object` in the document.",
    "Where an operation answers at all, 401, 403, 404, 429 and 5xx may come, all with a code and a"
    " message; 400 may have diagnostics.",
]
ANYTHING = {
    ("EscValue", "value"): "content",
    ("EscExpr", "literal"): "any",
}
YAML = {"application/x-yaml": "text", "application/json": "text"}


def main(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    types = {
        name: fields(document, name, schema)
        for name, schema in document["components"]["schemas"].items()
        if name != "EscSchemaSchema"
    }
    types["Error"] = {"code": "integer", "message": "text", "diagnostics?": "[EnvironmentDiagnostic]"}
    types["EncryptEnvironmentSecretsRequest"] = {"plaintexts": "[text]"}
    types["EncryptEnvironmentSecretsResponse"] = {"ciphertexts": "[text]"}
    types["DecryptValueRequest"] = {"ciphertext": "text"}
    types["DecryptValueResponse"] = {"plaintext": "text"}
    types["BatchDecryptRequest"] = {"ciphertexts": "[text]"}
    types["BatchDecryptResponse"] = {"plaintexts": "{text}"}
    types["TokenExchangeGrantResponse"]["scope?"] = types["TokenExchangeGrantResponse"].pop("scope")
    operations = [
        operation(method.upper(), path, description)
        for path, methods in document["paths"].items()
        for method, description in methods.items()
        if f"{method.upper()} {path}" in NAMES
    ]
    missing = set(NAMES.values()) - {operation["name"] for operation in operations}
    if missing:
        raise SystemExit(f"not in the document: {', '.join(sorted(missing))}")
    for name, path, kind in [
        ("encrypt secrets", f"{ENVIRONMENT}/encrypt-secrets", "EncryptEnvironmentSecrets"),
        ("decrypt stack secret", f"{STACK}/decrypt", "DecryptValue"),
        ("decrypt stack secrets", f"{STACK}/batch-decrypt", "BatchDecrypt"),
    ]:
        operations.append(
            {
                "name": name,
                "method": "POST",
                "path": path,
                "query": {},
                "body": {"application/json": f"{kind}Request"},
                "answers": {"200": {"application/json": f"{kind}Response"}, "413": {}},
            }
        )
    used = set()
    for entry in operations:
        deviate(entry)
        for content in [entry["body"], *entry["answers"].values()]:
            for name in content.values():
                collect(name, types, used)
    collect("Error", types, used)
    result = {
        "origin": "tests/upstream/pulumi-cloud-api/record.py made this from Pulumi Cloud's OpenAPI document"
        " (info.title: %s, info.version: %s). The copy at hand names no licence; none of its texts are"
        " here." % (document["info"]["title"], document["info"]["version"]),
        "deviations": DEVIATIONS,
        "operations": sorted(operations, key=lambda entry: (entry["path"], entry["method"])),
        "types": {name: types[name] for name in sorted(used)},
    }
    print(json.dumps(result, indent=1))


def operation(method, path, description):
    query = {
        parameter["name"]: type_name(parameter["schema"])
        for parameter in description.get("parameters", [])
        if parameter["in"] == "query"
    }
    answers = {
        status: content_types(answer.get("content", {}))
        for status, answer in description["responses"].items()
    }
    body = content_types(description.get("requestBody", {}).get("content", {}))
    name = NAMES[f"{method} {path}"]
    return {
        "name": name,
        "method": method,
        "path": path,
        "query": query,
        "body": body,
        "answers": answers,
    }


def deviate(operation):
    name = operation["name"]
    if name in ("open yaml", "check yaml", "update environment"):
        operation["body"] = YAML
    if name == "open yaml":
        operation["query"]["environmentOverrides"] = "text"
    if name == "token":
        operation["body"] = {
            "application/json": "object",
            "application/x-www-form-urlencoded": "text",
        }
    if name in ("read session", "read yaml session"):
        operation["answers"]["200"] = {"application/json": "EscEnvironment"}
    if name == "head definition":
        operation["answers"]["200"] = {}


def content_types(content):
    return {name: type_name(body["schema"]) for name, body in content.items()}


def fields(document, name, schema):
    """The fields of an object type, including those of the types that it extends."""
    result = {}
    for part in schema.get("allOf", []):
        if "$ref" in part:
            part = document["components"]["schemas"][part["$ref"].rsplit("/", 1)[-1]]
        result.update(fields(document, name, part))
    required = schema.get("required", [])
    for field, description in schema.get("properties", {}).items():
        kind = ANYTHING.get((name, field)) or type_name(description)
        result[field if field in required else f"{field}?"] = kind
    return result


def type_name(schema):
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return "schema" if name == "EscSchemaSchema" else name
    kind = schema.get("type")
    if "enum" in schema:
        return "|".join(schema["enum"])
    if kind == "array":
        return f"[{type_name(schema['items'])}]"
    if kind == "object" and "additionalProperties" in schema:
        inner = type_name(schema["additionalProperties"])
        return "object" if inner == "object" else f"{{{inner}}}"
    if kind == "string":
        return "instant" if schema.get("format") == "date-time" else "text"
    return {"integer": "integer", "boolean": "boolean", "object": "object"}[kind]


def collect(name, types, used):
    name = name.strip("[]{}")
    if name in types and name not in used:
        used.add(name)
        for inner in types[name].values():
            collect(inner, types, used)


if __name__ == "__main__":
    main(sys.argv[1])
