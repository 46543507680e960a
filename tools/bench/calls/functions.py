"""Identifies the Lambda functions on a laptop cloud by the user agent of their AWS calls."""

from __future__ import annotations

from typing import Any


def name_functions(client: Any) -> None:
    """Add the name of each function, such as "deployNonProd", to the user agent of its calls.

    Otherwise the calls of the schedule and of a request could not be distinguished. The name is the
    application id of the SDK (AWS SDKs and Tools Reference Guide, "Application ID").
    """
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name = function["FunctionName"]
            variables = function["Environment"]["Variables"]
            own = variables | {"AWS_SDK_UA_APP_ID": name.rpartition("-")[2]}
            client.update_function_configuration(FunctionName=name, Environment={"Variables": own})
