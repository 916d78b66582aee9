"""A bucket for tests: as much of S3's protocol as backups speak, with its signatures checked.

Follows "Authenticating Requests (AWS Signature Version 4)" and the reference of the REST API:
PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload,
GetObject, ListObjectsV2, DeleteObject. No real server of that kind can be had for these tests.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET, REGION, BUCKET = "AKTEST", "a secret of the tests", "eu-central-1", "safe"
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def signature(method: str, target: str, headers: dict[str, str], signed: str, scope: str) -> str:
    """What a request must be signed with; `headers` in lower case, `signed` as a;b;c."""
    path, _, query = target.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join(
        [
            method,
            quote(unquote(path), safe="/~"),
            "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in signed.split(";")),
            "",
            signed,
            headers["x-amz-content-sha256"],
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


class BucketServer:
    """`with BucketServer() as bucket:`; what is kept lies in `objects`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.refused: list[str] = []
        self.fail: Callable[[str, str], bool] = lambda method, target: False
        """Whether a request is answered as by a server that has no more room."""
        bucket = self

        class Handler(_Handler):
            server_bucket = bucket

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """For BACKUP_TO."""
        endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        return f"s3://{BUCKET}/leadersend?endpoint={endpoint}&region={REGION}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_bucket: BucketServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if why := self._refusal(body):
            self.server_bucket.refused.append(why)
            self._error(403, why)
        elif self.server_bucket.fail(self.command, self.path):
            self._error(507, "InsufficientStorage")
        else:
            self._act(body)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _refusal(self, body: bytes) -> str:
        headers = {name.lower(): value for name, value in self.headers.items()}
        kind, _, rest = headers.get("authorization", "").partition(" ")
        parts = dict(piece.strip().split("=", 1) for piece in rest.split(",") if "=" in piece)
        key, _, scope = parts.get("Credential", "").partition("/")
        if kind != "AWS4-HMAC-SHA256" or key != KEY:
            return "InvalidAccessKeyId"
        if scope != f"{headers['x-amz-date'][:8]}/{REGION}/s3/aws4_request":
            return "AuthorizationHeaderMalformed"
        wanted = signature(self.command, self.path, headers, parts["SignedHeaders"], scope)
        if not hmac.compare_digest(wanted, parts["Signature"]):
            return "SignatureDoesNotMatch"
        said = headers["x-amz-content-sha256"]
        if said not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return "XAmzContentSHA256Mismatch"
        return ""

    def _act(self, body: bytes) -> None:
        bucket, url = self.server_bucket, urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        name = unquote(url.path).removeprefix(f"/{BUCKET}").lstrip("/")
        if not unquote(url.path).startswith(f"/{BUCKET}"):
            self._error(404, "NoSuchBucket")
        elif self.command == "GET" and not name:
            self._answer(self._listed(query).encode())
        elif self.command == "GET":
            found = bucket.objects.get(name)
            self._error(404, "NoSuchKey") if found is None else self._answer(found)
        elif self.command == "DELETE":
            bucket.uploads.pop(query.get("uploadId", ""), None)
            if "uploadId" not in query:
                bucket.objects.pop(name, None)
            self._answer(b"", 204)
        else:
            self._write(name, query, body)

    def _write(self, name: str, query: dict[str, str], body: bytes) -> None:
        bucket, upload = self.server_bucket, query.get("uploadId", "")
        if "uploads" in query:
            upload = f"upload-{len(bucket.uploads)}"
            bucket.uploads[upload] = (name, {})
            self._answer(
                f"<InitiateMultipartUploadResult {XMLNS}><Bucket>{BUCKET}</Bucket><Key>"
                f"{escape(name)}</Key><UploadId>{upload}</UploadId>"
                "</InitiateMultipartUploadResult>".encode()
            )
        elif self.command == "PUT":
            if upload:
                bucket.uploads[upload][1][int(query["partNumber"])] = body
            else:
                bucket.objects[name] = body
            self._answer(b"", etag=hashlib.sha256(body).hexdigest()[:32])
        else:
            _, parts = bucket.uploads.pop(upload)
            bucket.objects[name] = b"".join(parts[number] for number in sorted(parts))
            self._answer(
                f"<CompleteMultipartUploadResult {XMLNS}><Location>x</Location><Bucket>{BUCKET}"
                f'</Bucket><Key>{escape(name)}</Key><ETag>"e"</ETag>'
                "</CompleteMultipartUploadResult>".encode()
            )

    def _listed(self, query: dict[str, str]) -> str:
        """Two at a time, so that whoever lists has to ask again."""
        names = sorted(self.server_bucket.objects)
        names = [one for one in names if one.startswith(query.get("prefix", ""))]
        names = [one for one in names if one > query.get("continuation-token", "")]
        rows = "".join(
            f"<Contents><Key>{escape(one)}</Key><LastModified>2026-11-24T00:00:00.000Z"
            f'</LastModified><ETag>"e"</ETag><Size>{len(self.server_bucket.objects[one])}</Size>'
            "</Contents>"
            for one in names[:2]
        )
        more = len(names) > 2
        token = f"<NextContinuationToken>{escape(names[1])}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult {XMLNS}><Name>{BUCKET}</Name><Prefix></Prefix>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )

    def _answer(self, body: bytes, status: int = 200, etag: str = "e") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Content-Type", "application/xml" if body[:1] == b"<" else "binary")
        self.end_headers()
        self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{code}</Message><Resource>/</Resource></Error>"
        self._answer(text.encode(), status)
