import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.report.redaction import LONGEST_TEXT, REMOVED, names_secret, redact, redact_named, redact_tree

SECRETS = [
    "https://ann:hunter2@host/planes.zip",
    "https://ann:hunter2@host:9000/planes.zip?X-Amz-Signature=hunter2&X-Amz-Date=1",
    "s3://ann:hun'ter2@host/x",
    "no such file: https://bucket.example/a.zip?sig=hunter2#hunter2",
    "postgres://:hunter2@db/models",
    "AWS_SECRET_ACCESS_KEY=hunter2",
    "password: hunter2",
    '{"apiKey": "hunter2", "a": 1}',
    r"{\"db_password\": \"hunter2\"}",
    "Authorization: Bearer hunter2hunter2",
    "--hub-token=hunter2 --epochs=3",
    "AccountKey=hunter2;Endpoint=x",
    "DefaultEndpointsProtocol=https;SharedAccessSignature=hunter2",
    "secret = 'hunter2'",
]

TOKENS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "glpat-" + "x1x2x3x4x5x6x7x8",
    "xoxb-" + "123456789012-abcdefghij",
    "hf_" + "abcdefghijklmnopqrstuvwxyz",
    "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0" + ".c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secret_is_removed_when_it_stands_in_a_text(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "ter2" not in redact(text)
    assert REMOVED in redact(text)


@pytest.mark.parametrize("token", TOKENS)
def test_token_is_removed_when_it_is_recognised_by_its_form(token: str) -> None:
    assert redact(f"it says {token} there").replace(REMOVED, "") == "it says  there"


@pytest.mark.parametrize(
    "text",
    [
        "s3://planes/labelled/batch-7.zip",
        "https://host:8080/a.zip",
        "labels/000131.txt, row 1: 1 1.2 0.4 0.1 0.1",
        "c0ffee" * 10 + "beef",
        "/data/Übung/飛行機.jpg",
        "give --base-model-sha256 the digest",
        "0.1.0+sha256.1f2e3d4c5b6a",
    ],
)
def test_text_stays_when_it_holds_no_secret(text: str) -> None:
    assert redact(text) == text
    assert redact_named("source", text) == text


@pytest.mark.parametrize(
    "name", ["api-key", "apiKey", "AWS_SECRET_ACCESS_KEY", "db-password", "hub_token", "PWD", "Authorization", "sas"]
)
def test_value_is_removed_when_its_name_is_that_of_a_secret(name: str) -> None:
    assert redact_named(name, "hunter2") == REMOVED


@pytest.mark.parametrize("name", ["source", "epochs", "max-width", "keypoints", "author", "patience", "deploy"])
def test_name_is_harmless_when_it_only_resembles_a_secret(name: str) -> None:
    assert not names_secret(name)


def test_value_is_removed_when_it_looks_random() -> None:
    assert redact_named("source", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY9") == REMOVED


def test_tree_is_redacted_when_secrets_hide_in_names_lists_and_pairs() -> None:
    tree = {
        "token": "hunter2",
        "list": ["password=hunter2", {"name": "db-password", "value": "hunter2"}],
        "https://a:hunter2@b/": {"secrets": ["hunter2"], "images": 3, "ok": True, "none": None},
    }
    cleaned = redact_tree(tree)
    assert "hunter2" not in json.dumps(cleaned)
    assert cleaned[f"https://{REMOVED}@b/"]["images"] == 3


def test_hidden_characters_are_replaced_when_they_would_reverse_or_break_the_text() -> None:
    assert redact("a\u202etxt.exe\x00\ud800b\x1b[31m") == "a�txt.exe��b�[31m"
    assert redact("👩\u200d✈️ پی\u200cدی") == "👩\u200d✈️ پی\u200cدی"


@given(st.text(st.characters(), max_size=300))
def test_result_can_be_encoded_when_the_text_is_anything(text: str) -> None:
    redact(text).encode()


@given(
    st.text(string.ascii_letters + string.digits + "!$&*+,;=._~-", min_size=6, max_size=30),
    st.sampled_from(["https", "s3", "http", "ftp", "postgresql"]),
)
def test_password_never_stays_when_it_is_part_of_a_url(password: str, scheme: str) -> None:
    url = f"{scheme}://user:{password}@host.example/path/file.zip"
    assert (
        redact(f"cannot fetch {url}: refused")
        == f"cannot fetch {scheme}://{REMOVED}@host.example/path/file.zip: refused"
    )


def test_half_a_secret_never_stays_when_a_long_text_is_cut() -> None:
    for shift in range(-60, 60, 4):
        text = "x " * (LONGEST_TEXT + shift // 2) + " https://user:hunter2@host/" + " y" * 200
        assert "hunter" not in redact(text)
    assert len(redact("a" * 100_000)) <= LONGEST_TEXT + 1
