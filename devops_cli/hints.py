"""Commands that name the remedy of a mistake on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from devops_cli import rules

# Commands of similar tools, with the remedy in this program.
ELSEWHERE = {
    "rollback": "Use devops swap NAME --back; during a swap, devops abort NAME.",
    "undo": "Use devops swap NAME --back; during a swap, devops abort NAME.",
    "release": "Use devops swap NAME --version VERSION.",
    "logs": "devops status NAME shows the messages of ECS. CloudWatch Logs has the output of the"
    " containers.",
    "autoscale": "Use devops scale NAME --min N --max N --cpu PERCENT.",
    "env": "Use devops set NAME environment.VARIABLE=VALUE --env ENV.",
    "edit": "Use devops spec NAME > app.yml, then devops apply -f app.yml.",
    "update": "Use devops apply -f app.yml.",
    "get": "Use devops spec NAME.",
    "push": "Push the image with docker push. Then use devops deploy NAME.",
    "plan": "Use --dry-run with the command that changes the application.",
    "cancel": "Use devops abort NAME.",
    "continue": "Use devops approve NAME.",
    "resume": "Use devops approve NAME.",
    "skip": "Use devops finish NAME.",
    "list": "Use devops ls.",
    "ps": "Use devops status NAME.",
    "describe": "Use devops status NAME.",
    "show": "Use devops status NAME.",
    "history": "Use devops events NAME.",
    "destroy": "Use devops delete NAME.",
    "rm": "Use devops delete NAME.",
    "remove": "Use devops delete NAME.",
    "login": "Use a command of the AWS CLI, such as aws sso login.",
}


class HintGroup(TyperGroup):
    """A group that knows commands of similar tools."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments name."""
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            if args and (remedy := ELSEWHERE.get(args[0].lower())):
                error.message = f"No such command {args[0]!r}. {remedy}"
            raise


class HintCommand(TyperCommand):
    """A command that names all missing parameters at once, and missing commas."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments of the command."""
        try:
            return super().parse_args(ctx, list(args))
        except typer.BadParameter as error:
            parsed, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            missing: list[Any] = [
                each for each in self.get_params(ctx)
                if self._requires(each, parsed) and parsed.get(each.name) is None
            ]  # fmt: skip
            if error.param in missing and len(missing) > 1:
                ctx.fail(f"Missing: {', '.join(each.get_error_hint() for each in missing)}.")
            raise
        except typer.TyperException as error:
            error.message += self._comma_hint(ctx, args)
            raise

    def _requires(self, parameter: Any, parsed: Mapping[str, Any]) -> bool:
        """Return whether a command with the given arguments requires a parameter."""
        del parsed
        return bool(parameter.required)

    def _comma_hint(self, ctx: Any, args: list[str]) -> str:
        """Return a hint if environments follow --env without commas."""
        try:
            parsed, extra, _ = self.make_parser(ctx).parse_args(args=list(args))
        except typer.TyperException:
            return ""
        named = [parsed[each.name] for each in self.params if isinstance(each, TyperArgument)]
        known = set(rules.values("environment"))
        further = [each for each in [*named, *extra] if each and each.lower() in known]
        given = parsed.get("env")
        if not (extra and further and given):
            return ""
        if isinstance(given, str):
            return ". --env accepts one environment"
        return f". Separate environments with commas: --env {','.join([*given, *further])}"


class CreateCommand(HintCommand):
    """The create, which requires some options only without a file."""

    def _requires(self, parameter: Any, parsed: Mapping[str, Any]) -> bool:
        without_file = not parsed.get("file") and parameter.name in ("team", "email")
        return without_file or super()._requires(parameter, parsed)
