"""What people upload stays in memory: no file of theirs ever touches a disk of ours."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.utils.translation import gettext

from yoake.errors import BadInput

MOST_BYTES: Final = 6_000_000  # of a whole request; files may be a little smaller, as their readers say


class InMemory(FileUploadHandler):
    """Keeps uploaded files in memory, and none of a request that is too big."""

    def handle_raw_input(self, input_data: Any, meta: dict[str, str], content_length: int, *_more: Any) -> None:
        """Learns how long the request is before anything of it is read."""
        self.too_big = content_length > MOST_BYTES

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file begins; of a request that is too big it is passed over."""
        super().new_file(*args, **kwargs)
        if self.too_big:
            raise SkipFile
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """A part of the file."""
        self.kept.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        """The whole file."""
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, self.field_name, self.file_name or "", self.content_type or "", file_size, self.charset, {}
        )


def uploaded(request: HttpRequest, field: str) -> UploadedFile[bytes] | None:
    """The file that came in a field, None when none was chosen. Raises BadInput when the request was too big."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > MOST_BYTES:
        raise BadInput("file", f"{int(length):,} bytes", gettext("a smaller file, at most 5 MB"))
    file = request.FILES.get(field)
    return file if isinstance(file, UploadedFile) else None
