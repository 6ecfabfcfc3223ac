"""Which addresses are one mailbox, which are not, and which are none: what an invite is compared by.

Letters that could be taken for others are written as escapes.
"""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.users.model import InvalidEmail, domain_of, fold_email, read_domain

SAME = [
    # case
    ("nina@example.com", "NINA@EXAMPLE.COM"),
    ("nina@example.com", "Nina@Example.Com"),
    ("o'neil@example.com", "O'Neil@example.com"),
    ("\u0434\u0438\u043c\u0430@example.com", "\u0414\u0418\u041c\u0410@example.com"),  # Cyrillic, both cases
    ("\u03c3\u03b1\u03c2@example.com", "\u03a3\u0391\u03a3@example.com"),  # Greek: final sigma is a sigma
    # composed and decomposed
    ("jos\u00e9@example.com", "jose\u0301@example.com"),
    ("jos\u00e9@example.com", "JOSE\u0301@example.com"),
    ("\u1e69am@example.com", "s\u0307\u0323am@example.com"),  # two marks, in the other order
    ("\u0390@example.com", "\u03b9\u0308\u0301@example.com"),
    ("\u212b@example.com", "\u00e5@example.com"),  # the sign of the unit is the letter
    # full-width and other compatible forms
    ("nina@example.com", "\uff4e\uff49\uff4e\uff41@example.com"),
    ("nina@example.com", "\uff2e\uff29\uff2e\uff21@example.com"),
    ("nina@example.com", "nina\uff20example.com"),
    ("nina@example.com", "nina@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\uff0e\uff43\uff4f\uff4d"),
    ("nina@example.com", "nina@example\u3002com"),
    ("nina@example.com", "nina@example\uff61com"),
    ("nina+1@example.com", "nina\uff0b\uff11@example.com"),
    ("fiona@example.com", "\ufb01ona@example.com"),  # the ligature of f and i
    ("kate@example.com", "\u212aate@example.com"),  # the sign of Kelvin
    ("sam@example.com", "\u017fam@example.com"),  # the long s
    ("nina2@example.com", "nina\u00b2@example.com"),
    ("stra\u00dfe@example.com", "STRA\u1e9eE@example.com"),  # the sharp s and its capital
    # the dotted capital of Turkish is an i with its dot
    ("\u0130da@example.com", "i\u0307da@example.com"),
    # both spellings of an international domain
    ("nina@b\u00fccher.example", "nina@xn--bcher-kva.example"),
    ("nina@b\u00fccher.example", "nina@XN--BCHER-KVA.EXAMPLE"),
    ("nina@b\u00fccher.example", "nina@BU\u0308CHER.example"),
    ("nina@stra\u00dfe.example", "nina@xn--strae-oqa.example"),
    ("nina@\u4f8b\u3048.example", "nina@xn--r8jz45g.example"),
]
DIFFERENT = [
    # what people take apart on purpose
    ("nina@example.com", "nina+invite@example.com"),
    ("nina+a@example.com", "nina+b@example.com"),
    ("nina.berg@example.com", "ninaberg@example.com"),
    ("nina.berg@example.com", "nina-berg@example.com"),
    ("nina@example.com", "nina@example.org"),
    ("nina@example.com", "nina@mail.example.com"),
    ("nina@gmail.com", "nina@googlemail.com"),
    ("nina_berg@example.com", "nina-berg@example.com"),
    # accents are letters
    ("jos\u00e9@example.com", "jose@example.com"),
    ("m\u00fcller@example.com", "mueller@example.com"),
    ("m\u00fcller@example.com", "muller@example.com"),
    ("stra\u00dfe@example.com", "strasse@example.com"),  # though its capital may be written as two letters
    ("stra\u00dfe@example.com", "STRASSE@EXAMPLE.COM"),
    # letters that look alike
    ("ida@example.com", "\u0131da@example.com"),  # dotless i
    ("IDA@example.com", "\u0131da@example.com"),  # though its capital is an I
    ("ida@example.com", "\u0130da@example.com"),
    ("nina@example.com", "n\u0456na@example.com"),  # Ukrainian i
    ("nina@example.com", "nin\u0430@example.com"),  # Cyrillic a
    ("nina@example.com", "\u0578ina@example.com"),  # Armenian vo
    ("omar@example.com", "\u03bfmar@example.com"),  # Greek omicron
    ("lola@example.com", "1ola@example.com"),
    ("nina@example.com", "nina@ex\u0430mple.com"),  # Cyrillic a
    ("nina@example.com", "nina@xn--exmple-4nf.com"),  # the same as it travels
    ("nina@example.com", "nina@\u0435xample.com"),  # Cyrillic e
    ("nina@example.com", "nina@example.\u0441om"),  # Cyrillic s
    ("nina@example.com", "nina@examp1e.com"),
    ("nina@example.com", "nina@ex\u00e4mple.com"),
    ("nina@b\u00fccher.example", "nina@bucher.example"),
    ("nina@b\u00fccher.example", "nina@buecher.example"),
    ("nina@stra\u00dfe.example", "nina@strasse.example"),  # two domains, whoever owns them
    ("nina@vv.example", "nina@w.example"),
]
NONE = [
    *("", " ", "nina", "@", "@example.com", "nina@", "nina@@example.com", "nina@a@example.com"),
    *(" nina@example.com", "nina@example.com ", "nina@ example.com", "ni na@example.com", "nina@example.com\n"),
    *("nina\n@example.com", "nina@exam\x00ple.com", "nina\x00@example.com", "nina\r\nBcc: eve@evil.example"),
    *("nina@example.com.", "nina.@example.com", ".nina@example.com", "ni..na@example.com", "nina@example..com"),
    *('"nina"@example.com', '"a b"@example.com', '"nina@evil.example"@example.com', "Nina <nina@example.com>"),
    *("nina(boss)@example.com", "nina@example.com(boss)", "nina@example.com,eve@evil.example", "nina:x@example.com"),
    *("nina@[127.0.0.1]", "nina@127.0.0.1", "nina@[IPv6:::1]", "nina@localhost", "nina@example", "nina@com"),
    *("nina@-example.com", "nina@example-.com", "nina@exa_mple.com", "nina@exa mple.com", "nina@xn--a", "nina@*.com"),
    *("nina\u200b@example.com", "ni\u00adna@example.com", "nina\u202e@example.com", "\ufeffnina@example.com"),
    *("nina@exam\u00adple.com", "nina@exam\u200bple.com", "nina@\u2603.example", "nina@xn--n3h.example"),
    *("n" * 300 + "@example.com", "nina@" + "e" * 64 + ".com", "nina@" + "e." * 130 + "com", "\ud800@example.com"),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=ascii)
def test_they_are_one_mailbox(one: str, other: str) -> None:
    assert fold_email(one) == fold_email(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=ascii)
def test_they_are_two_mailboxes(one: str, other: str) -> None:
    assert fold_email(one) != fold_email(other)


@pytest.mark.parametrize("address", NONE, ids=ascii)
def test_it_is_no_address(address: str) -> None:
    with pytest.raises(InvalidEmail) as refused:
        fold_email(address)
    assert domain_of(address) == ""
    assert refused.value.fields == {"email": InvalidEmail.message}
    assert "nina" not in str(refused.value)


LETTERS = st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S"), max_codepoint=0xFFFF)


@given(st.text(LETTERS, min_size=1, max_size=12))
def test_folding_once_is_enough_and_the_form_of_the_letters_does_not_matter(local: str) -> None:
    try:
        folded = fold_email(f"{local}@example.com")
    except InvalidEmail:
        return
    assert fold_email(folded) == folded
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold_email(f"{unicodedata.normalize(form, local)}@example.com") == folded
    assert folded.count("@") == 1


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Example.COM", "example.com"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("\uff45xample.com", "example.com"),
        ("a.b-c.example", "a.b-c.example"),
    ],
)
def test_a_domain_is_kept_as_it_is_compared(text: str, domain: str) -> None:
    assert read_domain(text) == domain == domain_of(f"nina@{text}")


@pytest.mark.parametrize(
    "text",
    [
        *("", "example", "example.com.", ".example.com", "*.example.com", "a@example.com", "nina@evil.example@x.com"),
        *(
            "example.com/path",
            "https://example.com",
            "127.0.0.1",
            "[127.0.0.1]",
            "localhost",
            "exa mple.com",
            "a,b.com",
        ),
        *("example.com\n", "exam\x00ple.com", "\u2603.example", "example.com, other.com"),
    ],
    ids=ascii,
)
def test_what_is_no_domain_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="must be an internet domain such as"):
        read_domain(text)
