import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.store import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host/a.zip", "https://host/a.zip"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("/local/path?x=1", "/local/path?x=1"),
        ("https://user:hunter2@host:8443/a.zip", "https://***@host:8443/a.zip"),
        ("https://hunter2@host/a", "https://***@host/a"),
        ("https://user:hun@ter2@host/a", "https://***@host/a"),
        ("https://user:hun/ter2@host/a", "https://***@host/a"),
        ("http://host:80/a@b", "http://host:80/a@b"),
        ("https://h/a?X-Amz-Signature=hunter2&X-Amz-Date=1#f", "https://h/a?X-Amz-Signature=***&X-Amz-Date=***#***"),
        ("https://h/a?hunter2", "https://h/a?***"),
        ("from https://u:hunter2@h/a, then", "from https://***@h/a, then"),
        ("https://a/x,https://u:hunter2@h/a", "https://a/x,https://***@h/a"),
        ('{"a": "https://u:hunter2@h/a?k=hunter2", "b": 1}', '{"a": "https://***@h/a?k=***", "b": 1}'),
    ],
)
def test_redact_hides_credentials_when_a_url_has_them(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


_WORD = st.text(alphabet="abcXYZ019-_.~%!$()*+,;", min_size=1, max_size=12)


@given(user=_WORD, path=_WORD, secret=st.text(alphabet="s:@/+=?#&", max_size=6).map("s{}424242".format), name=_WORD)
def test_redact_leaves_no_secret_when_it_stands_anywhere_in_a_url(user: str, path: str, secret: str, name: str) -> None:
    tail = secret[-6:]
    for url in (f"https://{user}:{secret}@host/{path.replace('@', '')}", f"https://host/x?{name}={secret}"):
        assert tail not in redact(f"cannot read {url} twice")
