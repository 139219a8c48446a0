"""What an object store answered when it did not do what it was asked → the error a person can act on."""

import errno

from boto3.exceptions import RetriesExceededError, S3UploadFailedError
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from steps.errors import InputError, StepError, StoreUnavailableError
from steps.store.interface import MissingObjectError
from steps.store.redaction import redact

_BUSY = {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}
_KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that the endpoint is theirs"
_DENIED = {
    "SignatureDoesNotMatch": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "InvalidToken": _KEYS,
    "ExpiredToken": "the session token is too old: fetch new credentials",
    "RequestTimeTooSkewed": "this machine's clock and the store's differ: set the clock",
}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}


def code_of(error: ClientError) -> str:
    """Return the code of the S3 API, such as `NoSuchKey`; a bare HTTP status where the answer had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def conflicting(error: ClientError) -> bool:
    """Tell whether a conditional write met another write of the same key."""
    return code_of(error) in {"ConditionalRequestConflict", "OperationAborted", "409"}


def without_tags(error: ClientError) -> bool:
    """Tell whether the store knows no object tags, as Garage does not."""
    return code_of(error) in {"NotImplemented", "501", "MethodNotAllowed", "405", "XNotImplemented"}


def explain(error: BaseException, store: str, key: str, endpoint: str) -> StepError:
    """Return the error that says what `error` means for `key` of `store`. It shows no credentials."""
    cause: BaseException | None = None
    if isinstance(error, S3UploadFailedError):
        cause = error.__context__
    elif isinstance(error, RetriesExceededError):
        cause = getattr(error, "last_exception", None)
    if cause:
        return explain(cause, store, key, endpoint)
    if isinstance(error, ClientError):
        return _explain_answer(error, store, key, endpoint)
    return _explain_silence(error, store, key, endpoint)


def _explain_silence(error: BaseException, store: str, key: str, endpoint: str) -> StepError:
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return InputError(f"{store}: no keys for {endpoint}", hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if isinstance(error, exceptions.SSLError):
        return InputError(
            f"{endpoint} shows a certificate that is not trusted",
            hint="set AWS_CA_BUNDLE to the certificate of its authority, or check the endpoint's name",
        )
    reached = isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError))
    if isinstance(error, BotoCoreError) and not reached:
        return InputError(f"{store}: {redact(str(error))}", hint="check the address and the AWS settings")
    if isinstance(error, IsADirectoryError):
        return InputError(
            f"{store}: {key!r} is an object, and the folder of another", hint="rename one of the two in the bucket"
        )
    if isinstance(error, OSError) and (error.filename is not None or error.errno == errno.ENOSPC):
        return InputError(
            f"{error.filename or 'this disk'}: {error.strerror}", hint="check the local path and its space"
        )
    return StoreUnavailableError(
        f"no answer from {endpoint}: {redact(str(error))}",
        hint="try again; if it stays so, check that AWS_ENDPOINT_URL_S3 names the store and that it runs",
    )


def _explain_answer(error: ClientError, store: str, key: str, endpoint: str) -> StepError:
    code = code_of(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        bucket = store.removeprefix("s3://").partition("/")[0]
        return MissingObjectError(
            f"no bucket {bucket!r} at {endpoint}",
            hint="check its name, and that AWS_ENDPOINT_URL_S3 is the store you mean",
        )
    if code in {"NoSuchKey", "404"}:
        return MissingObjectError(f"no object {key!r} in {store} at {endpoint}", hint="check the name")
    if code in _DENIED or status == 403:
        hint = _DENIED.get(
            code,
            "ask for the right to read, or write, there; without the right to list, a missing object looks the same",
        )
        return InputError(f"{store}: {endpoint} refuses {key!r} ({code})", hint=hint)
    if code in _BUSY or (status >= 500 and status != 501) or status == 429:
        return StoreUnavailableError(f"{endpoint} is busy or out of order ({code})", hint="try again later")
    if code in _REGION:
        return InputError(f"{store}: the bucket is in another region ({code})", hint="set AWS_REGION to the bucket's")
    message = redact(str(error.response.get("Error", {}).get("Message", "")))
    return InputError(f"{store}: {endpoint} refuses {key!r}: {code} {message}", hint="does the store support this?")
