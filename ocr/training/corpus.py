"""Texts of the training lines: names, forms, addresses, prose, numbers, codes and letters without any sense."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, TypeVar

from training import words
from training.charset import PUNCTUATION, accented_letters
from training.spoken import number_in_words
from training.syllables import all_syllables, held_out_syllables, is_held_out, training_syllables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

_T = TypeVar("_T")
_WORD = re.compile(r"[^\W\d_]+")
_UNITS = ("", "%", " °C", " ha", " m²", " cm", " km")
_NUMBER_LABELS = ("Số: ", "Số ", "số ", "No. ", "№ ", "Quyển số: ", "Mã số: ", "STT ", "§ ")
_CODE_LETTERS = (
    string.ascii_uppercase,
    string.ascii_uppercase + string.digits,
    string.ascii_letters + string.digits,
    string.ascii_uppercase + "<<<" + string.digits,
    string.hexdigits,
)
_ORGANS = (
    "NĐ-CP TT-BTP QĐ-UBND TT-BCA QH14 QH15 NQ-HĐND UBND-TKCR TP-KS CV-STP BTP-HTQTCT TLKS-BS"
).split()
_LETTERS = string.ascii_letters + "".join(accented_letters())


class Corpus:
    """Draws texts. The same generator state gives the same texts.

    Args:
        rng: source of chance.
        held_out: draw rare words from the twelfth that training never sees (for tests).
        only_words: no codes and no letters without sense, in which O and 0, l and I cannot be told apart (for tests).
    """

    def __init__(
        self, rng: np.random.Generator, *, held_out: bool = False, only_words: bool = False
    ) -> None:
        self._rng = rng
        self._rare = held_out_syllables() if held_out else training_syllables()
        self._spelling = all_syllables()
        self._held_out = held_out
        self._kinds: tuple[tuple[float, Callable[[], str]], ...] = (
            (0.27, self._rare_words),
            (0.25, self._prose),
            (0.08, self._name),
            (0.06, self._labelled),
            (0.05, self._address),
            (0.05, self._office_phrase),
            (0.06, self._date),
            (0.07, self._number),
            (0.05, self._rare_words if only_words else self._code),
            (0.03, self._rare_words if only_words else self._letters),
            (0.03, self._title),
            (0.015, self._ethnic_group),
            (0.025, self._english),
            (0.01, self._single),
        )

    def line(self, max_chars: int = 90) -> str:
        """One line's text: single spaces, NFC, 1 to ``max_chars`` characters."""
        draw, running = self._rng.random(), 0.0
        text = ""
        for share, kind in self._kinds:
            running += share
            if draw < running:
                text = kind()
                break
        text = self._recase(text or self._rare_words())
        if not self._held_out:
            text = _WORD.sub(self._known, text)
        return self._shorten(" ".join(text.split()), max_chars) or "0"

    def phrases(self) -> tuple[tuple[Callable[[], str], float], ...]:
        """What the language model counts, with its shares: names and phrases of real words, no code and no rare word."""
        return (
            (self._name, 0.25), (self._labelled, 0.15), (self._short_place, 0.05), (self._date_in_words, 0.1),
            (self._sum_in_words, 0.05), (self._title, 0.08), (self._ethnic_group, 0.05),
        )  # fmt: skip

    def _known(self, match: re.Match[str]) -> str:
        word = match.group()
        if not is_held_out(word):
            return word
        other = self._pick(self._rare)
        return other.upper() if word.isupper() else other.title() if word.istitle() else other

    def _shorten(self, text: str, max_chars: int) -> str:
        if len(text) <= max_chars:
            return text
        start = int(self._rng.integers(0, len(text) - max_chars + 1))
        if start:
            start = text.find(" ", start) + 1 or start
        return text[start : start + max_chars].rsplit(" ", 1)[0].strip() or text[:max_chars].strip()

    def _recase(self, text: str) -> str:
        draw = self._rng.random()
        if draw < 0.11:
            return text.upper()
        if draw < 0.14:
            return text.title()
        return text

    def _pick(self, entries: Sequence[_T]) -> _T:
        return entries[int(self._rng.integers(len(entries)))]

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _digits(self, count: int) -> str:
        return "".join(str(digit) for digit in self._rng.integers(0, 10, count))

    def _rare_words(self) -> str:
        count = int(self._rng.integers(1, 13))
        drawn = [self._pick(self._rare) for _ in range(count)]
        if self._chance(0.4):
            drawn[0] = drawn[0].capitalize()
        return self._punctuate(drawn) if self._chance(0.4) else " ".join(drawn)

    def _prose(self) -> str:
        count = int(self._rng.integers(3, 21))
        known = 0.4 if self._held_out else 0.82
        drawn = [
            self._pick(words.COMMON) if self._chance(known) else self._pick(self._rare)
            for _ in range(count)
        ]
        if self._chance(0.55):
            drawn[0] = drawn[0].capitalize()
        for _ in range(int(self._rng.integers(0, 3))):
            place = int(self._rng.integers(len(drawn)))
            drawn[place] = self._pick((words.GIVENS, words.PLACES, words.SURNAMES)[place % 3])
        text = self._punctuate(drawn)
        draw = self._rng.random()
        if draw < 0.06:
            return self._pick("-–—") + " " + text
        if draw < 0.08:
            return self._pick("•·-+*") + " " + text
        return text

    def _punctuate(self, drawn: list[str]) -> str:
        parts: list[str] = []
        for index, word in enumerate(drawn):
            mark, follows = "", " "
            draw = self._rng.random()
            if draw < 0.07:
                mark = ","
            elif draw < 0.12:
                mark = self._pick("....!?:;…")
                if index + 1 < len(drawn) and mark in ".!?…":
                    drawn[index + 1] = drawn[index + 1].capitalize()
            elif draw < 0.14:
                follows = self._pick((" - ", " – ", "-", "-", "/", " — "))
            elif draw < 0.165:
                opening, closing = self._pick(
                    ('""', "“”", "()", "''", "‘’", "«»", "[]", '""', "“”")
                )
                word = opening + word + closing  # noqa: PLW2901  # the word as it is printed
            parts.append(word + mark + (follows if index + 1 < len(drawn) else ""))
        end = self._pick((".", ".", ".", ",", ";", ":", "!", "?", "...", "…", "", "", "", ""))
        return "".join(parts) + end

    def _name(self) -> str:
        middles = [self._pick(words.MIDDLES) for _ in range(int(self._rng.integers(0, 3)))]
        given = (
            self._pick(words.GIVENS) if self._chance(0.7) else self._pick(self._rare).capitalize()
        )
        name = " ".join((self._pick(words.SURNAMES), *middles, given))
        draw = self._rng.random()
        if draw < 0.45:
            return name.upper()
        if draw < 0.6:
            return f"{self._pick(('Ông', 'Bà', 'Anh', 'Chị', 'Ông (bà)', 'Cháu', 'Em'))}{self._pick((':', ''))} {name}"
        return name

    def _labelled(self) -> str:
        label = self._pick(words.LABELS if self._chance(0.7) else words.LABEL_PAIRS)
        if self._chance(0.25):
            return label + self._pick((":", "", " :"))
        value = self._pick(
            (
                self._name,
                self._date,
                self._number,
                self._address,
                self._ethnic_name,
                self._short_place,
            )
        )()
        filler = self._pick((": ", ": ", ": ", " ", " : ", ":"))
        return label + filler + value

    def _ethnic_name(self) -> str:
        return self._pick(words.ETHNIC_GROUPS)

    def _ethnic_group(self) -> str:
        return f"{self._pick(('Dân tộc: ', 'dân tộc ', '', 'Dân tộc '))}{self._ethnic_name()}"

    def _short_place(self) -> str:
        return self._pick(words.PROVINCES)

    def _address(self) -> str:
        parts: list[str] = []
        if self._chance(0.6):
            number = str(int(self._rng.integers(1, 999))) + self._pick(
                ("", "", "A", "B", "/" + self._digits(2), "bis", "-" + self._digits(1))
            )
            parts.append(
                f"{self._pick(('số ', 'Số ', '', ''))}{number} {self._pick(words.STREETS)} {self._two_words()}"
            )
        else:
            parts.append(
                f"{self._pick(words.STREETS).capitalize()} {self._pick((self._two_words(), str(int(self._rng.integers(1, 40)))))}"
            )
        parts.append(
            f"{self._pick(('xã', 'phường', 'thị trấn', 'P.', 'TT.', 'X.', 'Phường', 'Xã'))} {self._two_words()}"
        )
        if self._chance(0.6):
            parts.append(
                f"{self._pick(('huyện', 'quận', 'Q.', 'H.', 'thành phố', 'TP.', 'Quận', 'thị xã'))} {self._two_words()}"
            )
        parts.append(self._pick(("tỉnh ", "TP ", "", "", "")) + self._short_place())
        return self._pick((", ", ", ", " - ", ",")).join(parts)

    def _two_words(self) -> str:
        if self._chance(0.5):
            return f"{self._pick(words.PLACES)} {self._pick(words.PLACES)}"
        return " ".join(
            self._pick(self._rare).capitalize() for _ in range(int(self._rng.integers(1, 3)))
        )

    def _office_phrase(self) -> str:
        count = int(self._rng.integers(2, 16))
        text = " ".join(self._pick(words.OFFICE_WORDS) for _ in range(count))
        draw = self._rng.random()
        if draw < 0.3:
            text = f"{self._pick(('Điều', 'khoản', 'Mục', 'Chương', 'Khoản', 'điểm'))} {self._rng.integers(1, 99)}{self._pick(('.', ':', '', ' của'))} {text}"
        elif draw < 0.5:
            text = (
                f"{self._pick(('1.', '2)', 'a)', 'b)', '-', '(3)', 'I.', 'IV.', 'đ)', '+'))} {text}"
            )
        elif draw < 0.7:
            text = f"{text} số {self._code_of_office()}"
        return text[0].upper() + text[1:] + self._pick(("", "", ".", ";", ","))

    def _code_of_office(self) -> str:
        number = int(self._rng.integers(1, 999))
        year = int(self._rng.integers(1975, 2027))
        organ = self._pick(_ORGANS)
        return f"{number:02d}/{year}/{organ}" if self._chance(0.7) else f"{number}/{organ}"

    def _date(self) -> str:
        return self._pick(
            (self._date_in_digits, self._date_in_digits, self._date_in_words, self._place_and_date, self._sum_in_words)
        )()  # fmt: skip

    def _day_month_year(self) -> tuple[int, int, int]:
        return self._below(1, 32), self._below(1, 13), self._below(1900, 2060)

    def _date_in_digits(self) -> str:
        day, month, year = self._day_month_year()
        mark = self._pick("///-. ")
        date = f"{day:02d}{mark}{month:02d}{mark}{year}"
        if self._chance(0.15):
            return f"{self._digits(2)} giờ {self._digits(2)} phút, ngày {day}/{month}/{year}"
        return f"ngày {day:02d} tháng {month:02d} năm {year}" if self._chance(0.4) else date

    def _date_in_words(self) -> str:
        day, month, year = self._day_month_year()
        start = self._pick(("Ngày ", "ngày ", "("))
        return (
            f"{start}{number_in_words(day)} tháng {self._month(month)} năm {number_in_words(year)}"
        )

    def _place_and_date(self) -> str:
        day, month, year = self._day_month_year()
        return f"{self._short_place()}, ngày {day} tháng {month} năm {year}"

    def _sum_in_words(self) -> str:
        amount = self._below(0, 10 ** self._below(2, 10))
        return f"{number_in_words(amount)}{self._pick((' đồng', ' đồng chẵn', '', ' mét vuông'))}"

    def _month(self, month: int) -> str:
        if month == 1 and self._chance(0.2):
            return "giêng"
        return "tư" if month == 4 else number_in_words(month)

    def _number(self) -> str:
        return self._pick(
            (self._long_number, self._long_number, self._amount, self._telephone, self._decimal, self._groups, self._numbered)
        )()  # fmt: skip

    def _long_number(self) -> str:
        return self._digits(self._pick((12, 9, self._below(1, 20))))

    def _amount(self) -> str:
        mark = self._pick("., ")
        digits = re.sub(r"(?<=\d)(?=(\d{3})+$)", mark, self._digits(self._below(4, 13)))
        return digits + self._pick(("", " đồng", " đ", "₫", " m²", " VNĐ", "%", " kg"))

    def _telephone(self) -> str:
        mark = self._pick(" .-")
        start = self._pick(("0", "+84 ", "(+84) ", "(0"))
        return start + mark.join(self._digits(3) for _ in range(3))

    def _decimal(self) -> str:
        whole, part = self._digits(self._below(1, 4)), self._digits(self._below(1, 4))
        return whole + self._pick(",.") + part + self._pick(_UNITS)

    def _groups(self) -> str:
        return " ".join(self._digits(self._below(1, 5)) for _ in range(self._below(1, 6)))

    def _numbered(self) -> str:
        value = self._code_of_office() if self._chance(0.5) else self._digits(self._below(1, 9))
        return self._pick(_NUMBER_LABELS) + value

    def _code(self) -> str:
        draw = self._rng.random()
        if draw < 0.08:
            return self._address_on_the_net()
        if draw < 0.18:
            names = [self._pick(words.SURNAMES + words.GIVENS) for _ in range(4)]
            plain = "<".join(name.encode("ascii", "ignore").decode().upper() for name in names)
            return self._pick(("IDVNM", "P<VNM")) + plain + "<" * self._below(2, 12)
        code = self._from(self._pick(_CODE_LETTERS), self._below(3, 31))
        if draw < 0.5:
            step = self._below(2, 6)
            return self._pick("-. /").join(code[i : i + step] for i in range(0, len(code), step))
        return code

    def _address_on_the_net(self) -> str:
        name = self._from(string.ascii_lowercase + string.digits, self._below(2, 12))
        end = self._pick((".vn", ".com", ".gov.vn", ".net", ".edu.vn", ".com.vn"))
        host = self._from(string.ascii_lowercase, self._below(2, 9)) + end
        return self._pick(
            (f"{name}@{host}", f"https://{host}/{name}", f"www.{host}", f"http://{host}")
        )

    def _from(self, letters: str, count: int) -> str:
        return "".join(self._pick(letters) for _ in range(count))

    def _below(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high))

    def _letters(self) -> str:
        text = "".join(
            self._pick(_LETTERS)
            if self._chance(0.8)
            else self._pick(string.punctuation + PUNCTUATION + string.digits)
            for _ in range(int(self._rng.integers(2, 24)))
        )
        step = int(self._rng.integers(2, 9))
        return " ".join(text[i : i + step] for i in range(0, len(text), step))

    def _title(self) -> str:
        return self._pick(words.TITLES)

    def _english(self) -> str:
        drawn = [self._pick(words.ENGLISH) for _ in range(int(self._rng.integers(1, 10)))]
        if self._chance(0.5):
            drawn[0] = drawn[0].capitalize()
        return self._punctuate(drawn) if self._chance(0.5) else " ".join(drawn)

    def _single(self) -> str:
        draw = self._rng.random()
        if draw < 0.4:
            return self._pick(self._spelling if self._held_out else self._rare)
        if draw < 0.7:
            return self._pick(_LETTERS) + self._pick(("", ".", ")", ":"))
        return self._digits(int(self._rng.integers(1, 4))) + self._pick(("", ".", "/", "%"))
