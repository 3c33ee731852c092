"""Writes into docs, manifest and examples what the code's own tables say: `script/docs`.

Such a part begins after a line with `script/docs: NAME` and ends before one with `script/docs: end`. The function NAME
below writes it, from the options, the families and the precisions.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from wyoming_chatterbox import precision
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.memory_needs import PROCESS_MB
from wyoming_chatterbox.option import Option, written
from wyoming_chatterbox.options import GROUPS, OPTIONS

ROOT = Path(__file__).parent.parent
FILES = (
    "README.md",
    "addon/DOCS.md",
    "addon/config.yaml",
    "docker/.env.example",
    "docker/.env.example.gpu",
    "docs/MEMORY.md",
    "docs/OPTIONS.md",
)
PART = re.compile(r"(?ms)^([^\n]*script/docs: (\w+)[^\n]*\n)(.*?)^([^\n]*script/docs: end)")

PRECISIONS = ("float32", "float16", "int8", "int4")
IN_THE_APP = tuple(option for option in OPTIONS if option.app is None)


def filled(text: str) -> str:
    """The text with every part between two marks written anew."""
    return PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[4]}", text)


def changes() -> dict[Path, str]:
    """The files that are not as the tables say, with what they should be."""
    texts = {ROOT / name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    return {path: new for path, text in texts.items() if (new := filled(text)) != text}


def table(*rows: tuple[str, ...]) -> str:
    """A table in Markdown; the first row is its heading."""
    lines = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def models() -> str:
    """Write for each family what it is for, and what its weights take."""
    sizes = ("float16", "float32", "int8")
    heading = ("`--model`", "it is", "languages", *(f"{name}, MB" for name in sizes))
    return table(
        heading,
        *(
            (
                f"`{family.name}`",
                family.summary,
                "English" if family.languages == ("en",) else str(len(family.languages)),
                *(str(precision.WEIGHTS_MB[family.name][name]) for name in sizes),
            )
            for family in FAMILIES.values()
        ),
    )


def weights() -> str:
    """Write what the weights of each family take at each precision."""
    heading = ("", "float32", "float16, bfloat16", "int8", "int4 (experimental)")
    return table(
        heading, *((name, *(str(sizes[key]) for key in PRECISIONS)) for name, sizes in precision.WEIGHTS_MB.items())
    )


def options() -> str:
    """Every option, by group."""
    return "\n\n".join(f"## {group}\n\n{table(_HEADING, *map(_row, of_it))}" for group, of_it in GROUPS.items())


_HEADING = ("flag", "in the environment", "takes", "default", "")


def _row(option: Option) -> tuple[str, ...]:
    metavar = f"[{option.metavar}]" if option.bare else option.metavar
    flag = f"`{option.flag_name}`" if option.switch is not None else f"`{option.flag_name} {metavar}`"
    if option.negation is not None:
        flag += f", `--no-{option.name}`"
    names = ", ".join(f"`{name}`" for name in (option.variable, *option.environment))
    return flag, names, option.allowed, option.preset, _purpose(option)


def _purpose(option: Option) -> str:
    """Say what the option is for; for a flag without a value, what the value does that it sets."""
    return option.help if option.switch is None else f"{written(option.switch)}: {option.help}"


def app_schema() -> str:
    """The app's options with their defaults, and what the Supervisor lets through."""
    shown = [option for option in IN_THE_APP if option.app_shows]
    hidden = [option for option in IN_THE_APP if not option.app_shows]
    return "\n".join(
        [
            "options:",
            *(f"  {option.name}: {written(option.default)}" for option in shown),
            "# The optional ones are hidden until a person asks for them; without a value, the server's default holds.",
            "schema:",
            *(f"  {option.name}: {app_kind(option)}" for option in shown),
            *(f"  {option.name}: {app_kind(option)}?" for option in hidden),
        ]
    )


def app_kind(option: Option) -> str:
    """The Supervisor's type of an option."""
    if isinstance(option.default, bool):
        return "bool"
    if option.choices:
        return f"list({'|'.join(app_choices(option))})"
    if numbers := option.numbers:
        return f"{numbers.kind.__name__}({written(numbers.low)},{written(numbers.high)})"
    return "str"


def app_choices(option: Option) -> list[str]:
    """The words that the app offers."""
    return [word for word in option.choices if word not in option.app_without]


def app_options() -> str:
    """The app's options that are always shown, in English."""
    return _app_table(option for option in IN_THE_APP if option.app_shows)


def app_hidden_options() -> str:
    """The app's options that are hidden at first, in English."""
    return _app_table(option for option in IN_THE_APP if not option.app_shows)


def _app_table(listed: Iterator[Option]) -> str:
    texts = yaml.safe_load((ROOT / "addon/translations/en.yaml").read_text(encoding="utf-8"))["configuration"]
    return table(
        ("Option", "Values", "Default", "What it does"),
        *(
            (
                f"{texts[option.name]['name']} (`{option.name}`)",
                *_app_values(option),
                re.sub(r'"(\S+)"', r"`\1`", texts[option.name]["description"]),
            )
            for option in listed
        ),
    )


def _app_values(option: Option) -> tuple[str, str]:
    default = "" if option.default is None else written(option.default)
    if isinstance(option.default, bool):
        return "on, off", "on" if option.default else "off"
    if numbers := option.numbers:
        return f"{written(numbers.low)} to {written(numbers.high)}", default
    return ", ".join(f"`{word}`" for word in app_choices(option)) or (
        option.allowed if option.repeatable else "a name"
    ), default


def settings() -> str:
    """The settings of a container that neither the image nor the compose files decide, each behind a #."""
    return "\n\n".join(
        "\n".join(
            [f"# --- {group}"] + [line for option in of_it if option.container is None for line in _setting(option)]
        )
        for group, of_it in GROUPS.items()
        if any(option.container is None for option in of_it)
    )


def _setting(option: Option) -> list[str]:
    name = option.synonyms[0] if option.synonyms else option.variable
    value = option.example or (option.preset if option.unset else written(option.default))
    allowed = "" if isinstance(option.default, bool) else f" [{option.allowed}; default: {option.preset}]"
    return [*textwrap.wrap(f"# {_purpose(option)}{allowed}", 120, subsequent_indent="# "), f"#{name}={value}"]


def needs() -> str:
    """Write what a whole server process holds with each family at each precision."""
    heading = ("", "float32", "float16", "int8", "int4 (experimental)")
    rows = ((name, *(str(sizes[key]) for key in PRECISIONS)) for name, sizes in PROCESS_MB.items())
    return table(heading, *rows)


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part
    for part in (models, weights, needs, options, app_schema, app_options, app_hidden_options, settings)
}


def main() -> int:
    """Write the files that are not as the tables say, and name them."""
    for path, text in changes().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written: {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
