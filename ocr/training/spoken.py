"""Whole numbers as clerks write them out."""

from __future__ import annotations

from training import words


def number_in_words(number: int) -> str:
    """A whole number below 10¹² as it is read aloud: 2024 → "hai nghìn không trăm hai mươi tư"."""
    if number == 0:
        return words.DIGIT_WORDS[0]
    groups: list[int] = []
    while number:
        number, rest = divmod(number, 1000)
        groups.append(rest)
    names = ("", "nghìn", "triệu", "tỷ")
    spoken: list[str] = []
    for place in range(len(groups) - 1, -1, -1):
        if groups[place]:
            spoken.append(_below_thousand(groups[place], leading=place == len(groups) - 1))
            spoken.append(names[place])
    return " ".join(" ".join(spoken).split())


def _below_thousand(number: int, *, leading: bool) -> str:
    digit = words.DIGIT_WORDS
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    spoken = [] if leading and not hundreds else [digit[hundreds], "trăm"]
    if tens == 0:
        return " ".join(
            (*spoken, *(("linh",) if spoken and ones else ()), *((digit[ones],) if ones else ()))
        )
    spoken += ["mười"] if tens == 1 else [digit[tens], "mươi"]
    if ones == 1 and tens > 1:
        spoken.append("mốt")
    elif ones == 4 and tens > 1:
        spoken.append("tư")
    elif ones == 5:
        spoken.append("lăm")
    elif ones:
        spoken.append(digit[ones])
    return " ".join(spoken)
