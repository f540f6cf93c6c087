"""Every error this package raises, split by whose fault it is.

The caller's fault: [`InvalidMessageError`][], [`InvalidSessionIdError`][], [`MissingDependencyError`][],
[`RemovedClassError`][], [`SessionBusyError`][], [`QuotaExceededError`][].
The world's fault: [`VocabularyError`][], [`StoreError`][] and the subclasses of `StoreError`. The exception of the
driver is the ``__cause__``.
"""

from __future__ import annotations


class SessionKitError(Exception):
    """The root of all errors raised by this package.

    Examples:
        >>> try:
        ...     sessions.send_message("user123", {"role": "robot", "content": "Hello!"})
        ... except SessionKitError as error:
        ...     print(type(error).__name__)
        InvalidMessageError
    """

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _made_again, (type(self), self.args, vars(self))


class InvalidMessageError(SessionKitError, ValueError):
    """A message cannot be stored; nothing of its batch was written.

    Attributes:
        field: Place of the fault in the message, such as ``tool_calls[0].function.name``.

    Examples:
        >>> try:
        ...     sessions.send_message("user123", {"role": "robot", "content": "Hello!"})
        ... except InvalidMessageError as error:
        ...     print(error.field)
        role
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class InvalidSessionIdError(SessionKitError, ValueError):
    """A session id is not a non-empty string of at most 512 bytes of UTF-8.

    Examples:
        >>> try:
        ...     sessions.get_session("")
        ... except InvalidSessionIdError as error:
        ...     print(error)
        a session id must not be empty
    """


class SessionBusyError(SessionKitError):
    """A session is in somebody else's turn, or the turn in which it was written to is over. Nothing was written.

    Attributes:
        session_id: The session.

    Examples:
        >>> try:
        ...     with sessions.turn("user123", wait=5):
        ...         sessions.add_user_message("user123", "Hello!")
        ... except SessionBusyError as error:
        ...     print(f"{error.session_id} is busy: try again")
    """

    def __init__(self, session_id: str, problem: str) -> None:
        super().__init__(f"session {session_id!r} {problem}")
        self.session_id = session_id


class QuotaExceededError(SessionKitError):
    """A session has used what its quota allows. Nothing was written.

    Attributes:
        limit: The limit that was met, such as ``"20 messages/minute"``.
        retry_after: Seconds after which the same may be tried again; ``None`` if it is more than the whole limit.

    Examples:
        >>> limited = SessionManager(quota=Quota(messages="1/minute"))
        >>> try:
        ...     for content in ("Hello!", "Hello again!"):
        ...         limited.add_user_message("user123", content)
        ... except QuotaExceededError as error:
        ...     print(f"try again in {error.retry_after:.0f} seconds")
        try again in 60 seconds
    """

    def __init__(self, limit: str, retry_after: float | None) -> None:
        whole = "this is more than the whole of it"
        problem = whole if retry_after is None else f"try again in {retry_after:g} seconds"
        super().__init__(f"the quota of {limit} is exceeded: {problem}")
        self.limit = limit
        self.retry_after = retry_after


class MissingDependencyError(SessionKitError, ImportError):
    """A feature needs a package that is not installed.

    Attributes:
        extra: The extra of this distribution that installs it.

    Examples:
        >>> try:
        ...     sessions = SessionManager.from_url("redis://localhost")
        ... except MissingDependencyError as error:
        ...     print(f"install the extra {error.extra}")
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs more packages: pip install "sessionkit-integrations[{extra}]"')
        self.extra = extra


class RemovedClassError(SessionKitError, ImportError):
    """A feature is built on a class of a framework that the installed version of it does not have any more.

    Attributes:
        feature: The feature.
        missing: The class, with the name of its package.
        instead: The feature to use instead.

    Examples:
        >>> try:
        ...     SessionKitChatMessageHistory("user123", sessions)
        ... except RemovedClassError as error:
        ...     print(f"use {error.instead}")
    """

    def __init__(self, feature: str, missing: str, instead: str) -> None:
        super().__init__(f"{feature} is built on {missing}, which is not there any more: use {instead}")
        self.feature = feature
        self.missing = missing
        self.instead = instead


class VocabularyError(SessionKitError):
    """The vocabulary of a token counter is not installed and cannot be downloaded.

    Attributes:
        encoding: Name of the vocabulary.

    Examples:
        >>> from sessionkit_integrations.tokens import approximate_tokens, tiktoken_counter
        >>> try:
        ...     count_tokens = tiktoken_counter()
        ... except VocabularyError:
        ...     count_tokens = approximate_tokens
    """

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"the vocabulary {encoding} is not here and could not be downloaded: install llama-index-core, which has "
            "o200k_base and cl100k_base, or name a folder in which tiktoken cached it in TIKTOKEN_CACHE_DIR"
        )
        self.encoding = encoding


class StoreError(SessionKitError):
    """A store refused an operation or failed. Nothing was written, unless a subclass says otherwise.

    Examples:
        >>> try:
        ...     sessions.add_user_message("user123", "Hello!")
        ... except StoreError as error:
        ...     print(f"the store failed: {error}")
    """


class StoreUnavailableError(StoreError):
    """A store could not be reached, or did not answer in time, after all retries.

    Attributes:
        may_have_happened: Whether the operation may have taken effect. Calling again with the same
            ``idempotency_key`` is safe in both cases.

    Examples:
        >>> try:
        ...     sessions.prompt("user123", "Hello!", idempotency_key="request-7")
        ... except StoreUnavailableError as error:
        ...     print("perhaps stored" if error.may_have_happened else "not stored", "- call again with the same key")
    """

    def __init__(self, message: str, *, may_have_happened: bool) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened


class ConflictError(StoreError):
    """Other writers changed the session while it was edited. Nothing was written; you may try again.

    Examples:
        >>> try:
        ...     sessions.undo("user123")
        ... except ConflictError as error:
        ...     print("others wrote meanwhile: try again")
    """


class CorruptSessionError(StoreError):
    """A stored record cannot be read. If an edit needed it, nothing was changed.

    Attributes:
        session_id: The session that holds it.
        position: Index of the record among the active or the archived records of the session, oldest first. It is
            negative where it is counted from the newest one, as for a page of the archive.
        archived: Whether the record is in the archive.
        problem: The reason.

    Examples:
        >>> try:
        ...     sessions.get_session("user123")
        ... except CorruptSessionError as error:
        ...     print(f"record {error.position} of {error.session_id}: {error.problem}")
    """

    def __init__(self, session_id: str, position: int, problem: str, *, archived: bool = False) -> None:
        super().__init__(f"session {session_id!r}, {_place(position, archived=archived)}: {problem}")
        self.session_id = session_id
        self.position = position
        self.archived = archived
        self.problem = problem


class SealError(StoreError):
    """A sealed record cannot be opened: its key is not among those given, or the reader has no ``seal``.

    Or the secret of its session was forgotten; nothing can be written to such a session either. The record is whole.
    Nothing was changed if an edit needed it.

    Attributes:
        session_id: The session that holds it.
        position: Index of the record, as of `CorruptSessionError`; -1 for a message that was to be written.
        archived: Whether the record is in the archive.
        key_id: The id of the key that it needs; ``None`` if it is compressed only.
        problem: The reason.

    Examples:
        >>> try:
        ...     sessions.get_session("user123")
        ... except SealError as error:
        ...     print(f"give the key {error.key_id}")
    """

    def __init__(
        self, session_id: str, position: int, key_id: str | None, problem: str, *, archived: bool = False
    ) -> None:
        super().__init__(f"session {session_id!r}, {_place(position, archived=archived)}: {problem}")
        self.session_id = session_id
        self.position = position
        self.archived = archived
        self.key_id = key_id
        self.problem = problem


class SummaryError(StoreError):
    """A summary could not be made, as the summarizer raised, which is the ``__cause__``, or returned no text.

    Nothing is lost: the turns that it was to cover still wait for one.

    Examples:
        >>> try:
        ...     summarized.summarize("user123")
        ... except SummaryError as error:
        ...     print(f"the model failed: {error.__cause__!r}")
    """


class EmbeddingError(StoreError):
    """Texts could not be embedded, as the model raised, which is the ``__cause__``, or returned what are no vectors.

    Nothing is lost: a later search embeds what has no vector yet.

    Examples:
        >>> try:
        ...     sessions.search("tea")
        ... except EmbeddingError as error:
        ...     print(f"the model failed: {error.__cause__!r}")
    """


def _place(position: int, *, archived: bool) -> str:
    if archived:
        return f"record {position} of the archive"
    return "a new record" if position < 0 else f"record {position}"


def _made_again(
    kind: type[SessionKitError], args: tuple[object, ...], attributes: dict[str, object]
) -> SessionKitError:
    """Return an error that was pickled, without its own arguments, of which the message was made."""
    error = kind.__new__(kind)
    super(SessionKitError, error).__init__(*args)
    vars(error).update(attributes)
    return error
