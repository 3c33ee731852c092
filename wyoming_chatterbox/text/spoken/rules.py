"""Integers in words by Unicode's rule-based number format (RBNF)."""

import re
from collections.abc import Iterable
from importlib.resources import files

_REFERENCE = re.compile(r"%+([\w-]+)")


class Rules:
    """The rule sets of one language that are asked for, and those that they refer to.

    Some languages have dozens; to read them all takes up to 100 ms.
    """

    def __init__(self, code: str, names: Iterable[str]) -> None:
        # Only who speaks needs them, and they take 30 ms.
        from xml.etree import ElementTree

        from unicode_rbnf import RbnfEngine
        from unicode_rbnf.engine import NoRuleForNumberError, RulesetNotFoundError

        self._cannot = (NoRuleForNumberError, RulesetNotFoundError)
        document = files("unicode_rbnf") / "rbnf" / f"{code}.xml"
        root = ElementTree.fromstring(document.read_text(encoding="utf-8"))
        self._engine = RbnfEngine(code)
        sets = {name: found for found in root.iter("ruleset") if (name := found.get("type"))}
        wanted, seen = [f"spellout-{name}" for name in names], set[str]()
        while wanted:
            name = wanted.pop()
            if name in seen or name not in sets:
                continue
            seen.add(name)
            wanted += _REFERENCE.findall("".join(sets[name].itertext()))
        for group in root.iter("rulesetGrouping"):
            for found in list(group.iter("ruleset")):
                if found.get("type") not in seen:
                    group.remove(found)
        self._engine.load_xml(root)

    def spell(self, n: int, name: str) -> str | None:
        """Return a whole number, below 10 to the power of 15, by a rule set such as "cardinal-feminine", if it can."""
        try:
            return self._engine.format_number(n, ruleset_names=[f"spellout-{name}"]).text
        except self._cannot:
            return None
