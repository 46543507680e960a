"""The Lambda functions on a laptop cloud, told apart by what they say to AWS."""

from __future__ import annotations

from typing import Any


def name_functions(client: Any) -> None:
    """Let each function name itself in the user agent of its calls: "deployNonProd".

    Otherwise the calls of the schedule could not be told from those of a request. The name is
    the SDK's application id; it has a setting of its own (AWS SDKs and Tools Reference Guide,
    "Application ID").
    """
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name = function["FunctionName"]
            variables = function["Environment"]["Variables"]
            own = variables | {"AWS_SDK_UA_APP_ID": name.rpartition("-")[2]}
            client.update_function_configuration(FunctionName=name, Environment={"Variables": own})
