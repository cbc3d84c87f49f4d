"""Which columns give the quarter, where several could: the whole one wins if it agrees with the rest.

What does not belong here: what a quarter looks like (`contract.parsing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mcf_pipeline.contract.columns import column_key
from mcf_pipeline.contract.evidence import confirms
from mcf_pipeline.contract.parsing import parse_quarter, quarter_from_pair
from mcf_pipeline.contract.recognised import RecognisedColumn
from mcf_pipeline.contract.text import clean

Together = Callable[[Sequence[str]], Sequence[tuple[str | None, ...]]]
"""Gives what some columns of the file hold side by side, each combination once."""


@dataclass(slots=True)
class Settled:
    """What came of it.

    Attributes:
        flags: what a reader should know, a sentence each.
        problems: why it could not be decided, a sentence each.
        choice: the column to propose where it could not.
    """

    flags: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    choice: str | None = None


def settle_quarter(
    has: dict[str, list[RecognisedColumn]], samples: Mapping[str, Sequence[str]], together: Together | None
) -> Settled:
    """Decide between one column and a pair; `has` holds the candidates by canonical column, and is changed.

    Beside a year, `trimestre` is the number, whatever it holds: a whole quarter in it is read too, if it
    agrees with the year. A year beside neither, or a number beside a whole quarter and no year, adds nothing.
    """
    settled = Settled()
    if len(has.get("trimestre", ())) > 1:
        _choose_whole_quarter(has, samples)
    if "annee" in has and "trimestre" in has and "numero_trimestre" not in has:
        if len(has["trimestre"]) == 1 and _is_whole(has["trimestre"][0].source, samples, by_name=True):
            del has["annee"]
        else:
            has["numero_trimestre"] = has.pop("trimestre")
    elif "annee" in has and "numero_trimestre" in has and "trimestre" in has:
        apart = _apart(has, together)
        if apart is None:
            settled.flags.append("the quarter is given both whole and as a year and a number: the whole one is used")
            del has["annee"], has["numero_trimestre"]
        else:
            names = [clean(has[name][0].source, 40) for name in ("trimestre", "annee", "numero_trimestre")]
            settled.problems.append(
                f"the quarter is given whole ({names[0]!r}) and as a year and a number ({names[1]!r}, {names[2]!r}), "
                f"and they disagree: {apart}; say which one counts"
            )
            settled.choice = has["trimestre"][0].source
    elif "trimestre" in has:
        has.pop("numero_trimestre", None)
        has.pop("annee", None)
    return settled


def _choose_whole_quarter(has: dict[str, list[RecognisedColumn]], samples: Mapping[str, Sequence[str]]) -> None:
    """Of several columns of the quarter, the one that holds whole quarters; one that holds numbers is the number."""
    whole = [c for c in has["trimestre"] if _is_whole(c.source, samples)]
    numbers = [
        c for c in has["trimestre"] if c not in whole and confirms("numero_trimestre", samples.get(c.source, ()))
    ]
    if not whole and not any(samples.get(c.source) for c in has["trimestre"]):
        # No values at all, as where a portal only describes its columns: the fuller name.
        whole = [c for c in has["trimestre"] if "annee" in column_key(c.source)]
    if len(whole) == 1 and (numbers or "annee" in has):
        rest = [c for c in has["trimestre"] if c not in whole]
        has["trimestre"] = whole
        has.setdefault("numero_trimestre", []).extend(c for c in rest if c not in has.get("numero_trimestre", []))


def _is_whole(source: str, samples: Mapping[str, Sequence[str]], *, by_name: bool = False) -> bool:
    values = samples.get(source, ())
    if not values and by_name:
        return "annee" in column_key(source)
    return confirms("trimestre", values) and not confirms("numero_trimestre", values)


def _apart(has: Mapping[str, Sequence[RecognisedColumn]], together: Together | None) -> str | None:
    """How the whole quarter and the pair disagree, by an example; None where they agree or nobody can say."""
    columns = [has[name] for name in ("trimestre", "annee", "numero_trimestre")]
    if together is None or any(len(found) != 1 for found in columns):
        return None
    for whole, year, number in together([found[0].source for found in columns]):
        one, other = parse_quarter(whole), quarter_from_pair(year, number)
        if one is not None and other is not None and one != other:
            return f"{one} against {other}"
    return None
