"""Phone numbers in E.164."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.configurations.model import InvalidPhoneNumber, e164

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+493012345678", "+493012345678"),
        (" +49 30 1234-5678 ", "+493012345678"),
        ("+49 (0)30 12345678", "+493012345678"),
        ("tel:+49-30-12345678", "+493012345678"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+39 06 698 12345", "+390669812345"),
        ("\u202a+49 30 12345678\u202c", "+493012345678"),  # as a telephone copies it
        ("\uff0b49 30 12345678", "+493012345678"),
        ("+\u0664\u0669 \u0663\u0660 \u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "+493012345678"),
        ("+\uff14\uff19\uff13\uff1012345678", "+493012345678"),
        ("+1 800 FLOWERS", "+18003569377"),  # letters on the keys of a telephone
        ("+800 1234 5678", "+80012345678"),
        ("+4930123", "+4930123"),
        ("+493012345678901", "+493012345678901"),
    ],
)
def test_a_number_with_its_country_code_has_one_spelling(text: str, number: str) -> None:
    assert e164(text) == number
    assert e164(number) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "+", "++", "abc", "+abc", "None", "\x00", "+49", "+0", "+4", "0", "112"),
        *("030 12345678", "0049 30 12345678", "493012345678", "(030) 123"),
        *("+49 30 12345678 ext. 5", "+493012345678x12", "+1 650 253 0000;ext=5", "+49 30 12345678#5"),
        "+999 12345678",
        "+1 253 0000",  # to be called from nearby only
        "+49 110",
        "+4930123456789012",  # sixteen digits
        "+49301234567890123",
        "+493012345678901234567890",
        "$ne",
    ],
)
def test_what_is_no_number_to_be_called_from_everywhere_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidPhoneNumber) as refused:
        e164(text)
    assert (refused.value.code, list(refused.value.fields)) == ("invalid_phone_number", ["phone_number"])
    digits = "".join(each for each in text if each.isdigit())
    assert len(digits) < 3 or digits not in f"{refused.value}{refused.value.fields}".replace(" ", "")


@given(st.text(alphabet=st.one_of(st.sampled_from("+0123456789 ()-/.x#;=ext"), st.characters()), max_size=40))
def test_whatever_is_written_is_e164_or_refused(text: str) -> None:
    for each in (text, f"+{text}", f"+49{text}"):
        try:
            assert E164.fullmatch(e164(each))
        except InvalidPhoneNumber:
            continue
