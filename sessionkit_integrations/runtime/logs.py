"""The logger of the package, silent until an application configures logging.

DEBUG tells of each retry, each conflict and each step in the background; WARNING tells what an operator should know.
Pass arguments instead of formatted text, so that a record that nobody reads costs a comparison. Log no message of a
user, and no driver error that has not been through `redaction.redact`.
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("sessionkit_integrations")
LOGGER.addHandler(logging.NullHandler())
