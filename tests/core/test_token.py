"""The token shows nowhere."""

import pickle

import pytest

from monday.token import BadToken, Token, redact

SECRET = "invented-token-0123456789"


def test_a_token_hides_itself_in_every_text():
    token = Token(SECRET)
    assert not any(SECRET in text for text in (repr(token), str(token), f"{token}", "%s" % token, repr([token])))  # noqa: UP031
    assert token.reveal() == SECRET


def test_a_token_is_never_pickled():
    with pytest.raises(TypeError) as refused:
        pickle.dumps(Token(SECRET))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("text", ["Bearer abcdef", "abc\ndef", "töken"])
def test_a_text_that_is_no_token_is_refused_without_showing_it(text):
    with pytest.raises(BadToken, match="Remedy") as refused:
        Token(text)
    assert text not in str(refused.value)


def test_an_empty_token_is_false():
    assert not Token(" ")
    assert Token(f" {SECRET}\n").reveal() == SECRET
    assert Token(SECRET) == Token(SECRET)


def test_tokens_are_removed_from_texts():
    Token(SECRET)
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiOjEyMzQ1Njc4OX0.c2lnbmF0dXJl"
    text = redact(f"failed with {SECRET}; {{'Authorization': 'another-secret', 'x': 1}} {jwt}")
    assert SECRET not in text
    assert "another-secret" not in text
    assert jwt not in text
    assert "failed with" in text
