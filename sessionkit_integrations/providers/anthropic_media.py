"""Images and files as Anthropic's Messages API takes them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.providers.contents import base64_of, image_base64, mime_type_of

if TYPE_CHECKING:
    from sessionkit_integrations.records.media import Media

Block = dict[str, Any]

_PDF = "application/pdf"
_TITLE_LENGTH = 500


def to_block(media: Media) -> Block | None:
    """Return the block for an image, a PDF file or a text, and ``None`` for anything else.

    See platform.claude.com/docs/en/build-with-claude/vision and pdf-support. A file by id belongs to the provider that
    gave it the id.
    """
    if media.kind == "image":
        inline = image_base64(media)
        source = _base64(*inline) if inline else _url(media)
        return source and {"type": "image", "source": source}
    if media.kind != "file":
        return None
    source = _document(media)
    title = (media.name or "").strip()[:_TITLE_LENGTH]
    return source and {"type": "document", "source": source, **({"title": title} if title else {})}


def _document(media: Media) -> Block | None:
    mime_type, data = mime_type_of(media) or "", base64_of(media)
    if mime_type == _PDF:
        return _url(media) if data is None else _base64(_PDF, data)
    if not mime_type.startswith("text/") or data is None:
        return None
    try:
        text = base64.b64decode(data).decode()
    except UnicodeDecodeError:
        return None
    return {"type": "text", "media_type": "text/plain", "data": text} if text.strip() else None


def _base64(mime_type: str, data: str) -> Block:
    return {"type": "base64", "media_type": mime_type, "data": data}


def _url(media: Media) -> Block | None:
    url = media.url or ""
    return {"type": "url", "url": url} if url.lower().startswith("https://") else None
